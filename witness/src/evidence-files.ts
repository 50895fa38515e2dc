import { constants } from 'node:fs';
import { open, readdir, realpath, stat, type FileHandle } from 'node:fs/promises';
import { join, sep } from 'node:path';

/** The only folder whose files are handed out; of the others only Spark knows what they mean. */
const FOLDER = 'eventlog';
/** A rolling event log is a folder in that folder. */
const DEEPEST = 3;

export interface EvidenceFile {
  /** Below the cluster's directory, with `/`. */
  path: string;
  size: number;
}

/**
 * The path of a file that may be handed out, or null: one that lies in the directory itself or in `eventlog`, and whose
 * name says nothing else than that.
 * @param application whose event logs may be handed out; null: all. Others' may lie beside them on one volume.
 */
export function evidencePath(path: string, application: string | null = null): string | null {
  const parts = path.split('/');
  const plain = parts.every(part => /^[^\\\0]+$/.test(part) && !part.startsWith('.'));
  const placed = parts.length === 1 || (parts[0] === FOLDER && parts.length <= DEEPEST);
  const own = parts.length === 1 || application === null || isLogOf(parts[1]!, application);
  return plain && placed && own ? path : null;
}

/** Spark names an event log after its application (`SingleEventLogFileWriter`, `RollingEventLogFilesWriter`). */
function isLogOf(name: string, application: string): boolean {
  const log = name.startsWith('eventlog_v2_') ? name.slice('eventlog_v2_'.length) : name;
  return log === application || log.startsWith(`${application}.`);
}

/** All files that may be handed out now, with their sizes in bytes. */
export async function listEvidence(
  directory: string,
  application: string | null = null
): Promise<EvidenceFile[]> {
  const files: EvidenceFile[] = [];
  const visit = async (folder: string, depth: number): Promise<void> => {
    const entries = await readdir(join(directory, folder), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (depth < DEEPEST && (folder !== '' || path === FOLDER)) await visit(path, depth + 1);
      } else if (entry.isFile() && evidencePath(path, application) !== null) {
        // It may have been renamed since.
        const found = await stat(join(directory, path)).catch(() => null);
        if (found) files.push({ path, size: found.size });
      }
    }
  };
  await visit('', 1);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * Opens a file of the directory to be read; null if there is none. User code runs in the driver and could put a link to
 * a secret of this container where a file of evidence is expected: links are not followed.
 */
export async function openEvidence(directory: string, path: string): Promise<FileHandle | null> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  let file: FileHandle | null = null;
  try {
    const root = await realpath(directory);
    const where = join(root, ...path.split('/'));
    // Not blocking: nobody may ever write into what claims to be a pipe.
    file = await open(where, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const plain = (await file.stat()).isFile() && (await realpath(where)) === where;
    if (plain && where.startsWith(root + sep)) return file;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Not there (yet), a link, a device, or gone between two calls.
    if (!['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(code ?? '')) {
      await file?.close();
      throw error;
    }
  }
  await file?.close();
  return null;
}
