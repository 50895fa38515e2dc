import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../../store/files.js';
import { eventLogFile, type EventLogFile } from './layout.js';

/** Which parts of a cluster's event log are in the bucket; stored next to the log. */
export interface Progress {
  place: string;
  /** Complete parts, and where they end. */
  parts: number;
  bytes: number;
  /** The state of the file when the rest after the complete parts was uploaded as one more part. */
  rest: { name: string; bytes: number } | null;
  /** To be deleted when it is in the bucket. */
  isForgotten: boolean;
}

/** The current event log of a cluster, and how much of it is in the bucket. */
export interface ArchivedLog {
  file: EventLogFile;
  path: string;
  size: number;
  progress: Progress;
}

const NOTE = 'archive.json';

const nothing = (place: string): Progress => ({
  place,
  parts: 0,
  bytes: 0,
  rest: null,
  isForgotten: false
});

/**
 * The event log in a cluster's directory; null if there is none.
 * @param place the bucket
 */
export async function findLog(directory: string, place: string): Promise<ArchivedLog | null> {
  const folder = join(directory, 'eventlog');
  const file = eventLogFile(await readdir(folder).catch((): string[] => []));
  if (!file) return null;
  const path = join(folder, file.name);
  const size = await stat(path).then(
    found => found.size,
    () => null
  );
  // Renamed or removed meanwhile.
  if (size === null) return null;
  const log = { file, path, size, progress: await readProgress(directory, place) };
  if (log.progress.place === place || isComplete(log)) return log;
  // A log that is partly in another bucket is uploaded completely to this one.
  return { ...log, progress: { ...nothing(place), isForgotten: log.progress.isForgotten } };
}

async function readProgress(directory: string, place: string): Promise<Progress> {
  try {
    return JSON.parse(await readFile(join(directory, NOTE), 'utf8')) as Progress;
  } catch {
    return nothing(place);
  }
}

export async function noteProgress(directory: string, progress: Progress): Promise<void> {
  await replaceFile(join(directory, NOTE), JSON.stringify(progress));
}

/** Whether the whole current file is in the bucket. */
export function isComplete({ file, size, progress: { rest } }: ArchivedLog): boolean {
  return rest?.name === file.name && rest.bytes === size;
}
