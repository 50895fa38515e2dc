import { appendFile, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readObservation, type Observation } from '@aglais/diagnosis';
import type { Logger } from 'pino';
import { SHARE_REPORTS } from '@aglais/witness/share-reports';
import type { EvidenceRecord } from '../launchers/kubernetes/evidence/evidence-file.js';
import type { SharedEvidence } from '../launchers/kubernetes/evidence/kubernetes-evidence.js';
import { replaceFile } from '../store/files.js';
import type { ObservationRow } from '../store/schema.js';
import type { Store } from '../store/store.js';
import type { Feed } from './feed.js';
import { isRemembered } from '../store/is-remembered.js';
import { revised } from '../store/revisions.js';

/**
 * The evidence of all clusters in the database, so that it outlives the server that observed it. Every server observes
 * all pods and records them; duplicates are stored once. Each server keeps a copy, `evidence.jsonl` in the cluster's
 * directory, for following, replay and offline diagnosis.
 */
export class EvidenceTable implements SharedEvidence {
  /** By cluster: the revision up to which its file is complete. */
  private readonly copied = new Map<string, number>();
  /** One writer of files at a time. */
  private writing: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly store: Store,
    private readonly feed: Feed,
    private readonly directory: string,
    private readonly log: Logger
  ) {
    feed.onNews(({ observations }) => this.copy(observations));
  }

  recordOf(cluster: string): EvidenceRecord {
    return {
      read: () => this.read(cluster),
      append: observation => this.append(cluster, observation),
      size: () => this.size(cluster),
      idle: () => this.inOrder(() => Promise.resolve())
    };
  }

  /** Updates the copies of a previous process, including those of clusters that ended meanwhile. */
  async refresh(): Promise<void> {
    const leftover = await readdir(this.directory).catch((): string[] => []);
    if (leftover.length === 0) return;
    const known = await this.store
      .selectFrom('clusters')
      .select('id')
      .where('id', 'in', leftover)
      .execute();
    for (const { id } of known) await this.inOrder(() => this.updateCopy(id));
  }

  forget(cluster: string): void {
    this.copied.delete(cluster);
  }

  private async read(cluster: string): Promise<Observation[]> {
    await this.inOrder(() => this.updateCopy(cluster));
    const rows = await this.rowsOf(cluster);
    return rows.map(({ body }) => readObservation(body)).filter(one => typeof one !== 'string');
  }

  private async append(cluster: string, observation: Observation): Promise<void> {
    await revised(this.store, async (transaction, revision) => {
      if (!(await isRemembered(transaction, cluster))) return;
      await transaction
        .insertInto('observations')
        .values({ cluster, revision, key: keyOf(observation), body: JSON.stringify(observation) })
        .onConflict(conflict => conflict.doNothing())
        .execute();
    });
    // It is stored; if only the copy failed, it must not be recorded again.
    void this.feed.pull().catch(() => undefined);
  }

  private async size(cluster: string): Promise<number> {
    await this.feed.pull();
    await this.inOrder(() => this.updateCopy(cluster));
    return (await stat(this.file(cluster)).catch(() => null))?.size ?? 0;
  }

  private async copy(rows: readonly ObservationRow[]): Promise<void> {
    const clusters = new Map<string, ObservationRow[]>();
    for (const row of rows) clusters.set(row.cluster, [...(clusters.get(row.cluster) ?? []), row]);
    await this.inOrder(async () => {
      for (const [cluster, its] of clusters) {
        try {
          await this.appendCopy(cluster, its);
        } catch (error) {
          // A full disk, or one directory without write permission, must not block everything else.
          this.copied.delete(cluster);
          this.log.error(
            { err: error, cluster },
            'The copy of evidence was not written; it is corrected when more evidence comes.'
          );
        }
      }
    });
  }

  private async appendCopy(cluster: string, rows: readonly ObservationRow[]): Promise<void> {
    await this.updateCopy(cluster);
    const before = this.copied.get(cluster);
    // Forgotten since these rows were read.
    if (before === undefined) return;
    const more = rows.filter(({ revision }) => revision > before);
    if (more.length === 0) return;
    // A partial write is corrected by the next `updateCopy`.
    this.copied.delete(cluster);
    await mkdir(dirname(this.file(cluster)), { recursive: true, mode: 0o700 });
    await appendFile(this.file(cluster), textOf(more), { mode: 0o600 });
    this.copied.set(cluster, more.at(-1)!.revision);
  }

  /** The copy of a previous process may be behind, or end with an incomplete line. */
  private async updateCopy(cluster: string): Promise<void> {
    if (this.copied.has(cluster)) return;
    const rows = await this.rowsOf(cluster);
    if (rows.length === 0) return;
    const file = this.file(cluster);
    const text = textOf(rows);
    const present = await readFile(file, 'utf8').catch(() => '');
    if (text !== present) {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      // Readers continue where they were.
      if (text.startsWith(present))
        await appendFile(file, text.slice(present.length), { mode: 0o600 });
      else await replaceFile(file, text);
    }
    this.copied.set(cluster, rows.at(-1)!.revision);
  }

  private async rowsOf(cluster: string): Promise<ObservationRow[]> {
    return this.store
      .selectFrom('observations')
      .selectAll()
      .where('cluster', '=', cluster)
      .orderBy('revision')
      .execute();
  }

  private inOrder(work: () => Promise<void>): Promise<void> {
    const mine = this.writing.then(work);
    this.writing = mine.catch(() => undefined);
    return mine;
  }

  private file(cluster: string): string {
    return join(this.directory, cluster, 'evidence.jsonl');
  }
}

const textOf = (rows: readonly ObservationRow[]) => rows.map(({ body }) => `${body}\n`).join('');

/** The same key for what two servers observe of the same event; null if only one can have observed it. */
function keyOf(observation: Observation): string | null {
  switch (observation.kind) {
    case 'pod':
      return `pod ${observation.uid} ${observation.version}`;
    case 'pod-event': {
      const { uid, name, reason, message } = observation;
      return `event ${uid || name} ${reason} ${message}`;
    }
    case 'log':
      return `log ${observation.ref}`;
    case 'share':
      return observation.ref.startsWith(`${SHARE_REPORTS}:`) ? `share ${observation.ref}` : null;
    default:
      return null;
  }
}
