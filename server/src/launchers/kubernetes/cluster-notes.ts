import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { exists, replaceFile, writeOnce } from '../../store/files.js';
import { readText } from '../cluster-directory.js';

/** What was done with a cluster and must not be done a second time. */
export interface ClusterNotes {
  read(cluster: string): Promise<Notes>;
  /** The location of its objects; noted before they are created. */
  noteNamespace(cluster: string, namespace: string): Promise<void>;
  /** Its driver was started: it is never started again. */
  noteBegun(cluster: string): Promise<void>;
  /** It was stopped: a later start finds this note and does nothing. */
  noteStopped(cluster: string): Promise<void>;
}

export interface Notes {
  /** Null: nothing of it was created. */
  namespace: string | null;
  begun: boolean;
  stopped: boolean;
}

/** The notes of a single server, stored next to the evidence of each cluster. */
export class NoteFiles implements ClusterNotes {
  constructor(private readonly directory: string) {}

  async read(cluster: string): Promise<Notes> {
    const [namespace, begun, stopped] = await Promise.all([
      readText(this.path(cluster, 'namespace')),
      exists(this.path(cluster, 'begun')),
      exists(this.path(cluster, 'stopped'))
    ]);
    return { namespace, begun, stopped };
  }

  async noteNamespace(cluster: string, namespace: string): Promise<void> {
    await mkdir(join(this.directory, cluster), { recursive: true, mode: 0o700 });
    await replaceFile(this.path(cluster, 'namespace'), namespace);
  }

  async noteBegun(cluster: string): Promise<void> {
    await writeOnce(this.path(cluster, 'begun'), `${new Date().toISOString()}\n`);
  }

  async noteStopped(cluster: string): Promise<void> {
    await writeOnce(this.path(cluster, 'stopped'), `${new Date().toISOString()}\n`);
  }

  private path(cluster: string, name: string): string {
    return join(this.directory, cluster, name);
  }
}
