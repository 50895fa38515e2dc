import { constants } from 'node:fs';
import { lstat, open, opendir, realpath, type FileHandle } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { CLUSTER_FILES, MAX_EVENT_LOGS, maxFileBytes } from './evidence-limits.js';

/** The only directory whose files are served. */
const FOLDER = 'eventlog';
/** A rolling event log is a directory in that directory. */
const MAX_DEPTH = 3;
/** User code can create any number of files: only this many entries of a directory are read. */
const MAX_ENTRIES = 100_000;

export interface EvidenceFile {
  /** Relative to the cluster's directory, with `/`. */
  path: string;
  /** Number of readable bytes, at most the limit of the file. */
  size: number;
}

/**
 * The path of a file that may be served, or null: one of the known files of the directory, or an event log.
 * @param application whose event logs may be served; null: all. A shared volume has logs of other applications in the
 * same directory.
 */
export function evidencePath(path: string, application: string | null = null): string | null {
  const parts = path.split('/');
  if (parts.length === 1) return CLUSTER_FILES.includes(path) ? path : null;
  const plain = parts.every(part => /^[^\\\0]+$/.test(part) && !part.startsWith('.'));
  const placed = parts[0] === FOLDER && parts.length <= MAX_DEPTH;
  const own = application === null || isLogOf(parts[1]!, application);
  return plain && placed && own ? path : null;
}

/** Spark names an event log after its application (`SingleEventLogFileWriter`, `RollingEventLogFilesWriter`). */
function isLogOf(name: string, application: string): boolean {
  const log = name.startsWith('eventlog_v2_') ? name.slice('eventlog_v2_'.length) : name;
  return log === application || log.startsWith(`${application}.`);
}

/** All files that may be served now, with their sizes in bytes; at most `MAX_EVENT_LOGS` event logs. */
export async function listEvidence(
  directory: string,
  application: string | null = null
): Promise<EvidenceFile[]> {
  const paths = [...CLUSTER_FILES, ...(await eventLogs(directory, application))];
  const files: EvidenceFile[] = [];
  for (const path of paths) {
    // It may be missing, or may have been renamed since. A link is not followed.
    const found = await lstat(join(directory, path)).catch(() => null);
    if (found?.isFile()) files.push({ path, size: Math.min(found.size, maxFileBytes(path)) });
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function eventLogs(directory: string, application: string | null): Promise<string[]> {
  const paths: string[] = [];
  const visit = async (folder: string, depth: number): Promise<void> => {
    const found = await lstat(join(directory, folder)).catch(() => null);
    if (!found?.isDirectory()) return;
    // Read incrementally: a directory with a million files must not fill the memory.
    const entries = await opendir(join(directory, folder), { bufferSize: 256 }).catch(() => []);
    let read = 0;
    for await (const entry of entries) {
      read += 1;
      if (read > MAX_ENTRIES || paths.length >= MAX_EVENT_LOGS) break;
      const path = `${folder}/${entry.name}`;
      if (evidencePath(path, application) === null) continue;
      if (entry.isFile()) paths.push(path);
      else if (entry.isDirectory() && depth < MAX_DEPTH) await visit(path, depth + 1);
    }
  };
  await visit(FOLDER, 2);
  return paths;
}

/**
 * Opens a file of the directory for reading; null if there is none. User code runs in the driver and could replace a
 * file with a link to a secret of this container, or with a pipe: only regular files are opened.
 */
export async function openEvidence(directory: string, path: string): Promise<FileHandle | null> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  let file: FileHandle | null = null;
  try {
    const root = await realpath(directory);
    const where = join(root, ...path.split('/'));
    // Opening a pipe without a writer would block forever.
    file = await open(where, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const plain = (await file.stat()).isFile() && (await realpath(where)) === where;
    if (plain && where.startsWith(root + sep)) return file;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Missing (yet), a link, a device, unreadable, or deleted meanwhile.
    if (!['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EACCES'].includes(code ?? '')) {
      await file?.close();
      throw error;
    }
  }
  await file?.close();
  return null;
}
