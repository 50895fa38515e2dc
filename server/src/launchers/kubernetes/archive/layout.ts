import type { FileHandle } from 'node:fs/promises';

/** Spark's suffix of an event log that is being written, or whose driver was killed. */
const IN_PROGRESS = '.inprogress';
const NEWLINE = 0x0a;
const READ_BYTES = 65_536;
/** The same as the longest line that is read from an event log. User code can write a line that never ends. */
const LONGEST_LINE_BYTES = 2 ** 28;

/** The event log of a driver, as Spark names it if it writes a single file (`SingleEventLogFileWriter`). */
export interface EventLogFile {
  name: string;
  application: string;
  /** Its driver has not closed it. */
  isInProgress: boolean;
}

/** The event log among the files in a cluster's event log directory; null if there is none. */
export function eventLogFile(names: readonly string[]): EventLogFile | null {
  const logs = names
    .filter(name => /^[^.]+(\.inprogress)?$/.test(name))
    .map(name => {
      const isInProgress = name.endsWith(IN_PROGRESS);
      return { name, application: name.replace(IN_PROGRESS, ''), isInProgress };
    });
  return logs.find(log => !log.isInProgress) ?? logs[0] ?? null;
}

/**
 * The key of a part of an application's event log, as Spark's History Server reads rolling logs
 * (`RollingEventLogFilesWriter`, `RollingEventLogFilesFileReader`); the extension names the codec.
 * @param index from 1
 */
export function partName(application: string, index: number): string {
  return `${folder(application)}/events_${index}_${application}.zstd`;
}

/** The empty object whose name shows whether the application has ended. */
export function statusName(application: string, isInProgress: boolean): string {
  return `${folder(application)}/appstatus_${application}${isInProgress ? IN_PROGRESS : ''}`;
}

const folder = (application: string) => `eventlog_v2_${application}`;

/**
 * The end of a part that starts at `from`: after the first line that reaches `partBytes`, or within that line if it is
 * longer than `lineBytes`, because a part is compressed in memory. It depends only on the bytes of the file, so each
 * run creates the same parts.
 * @param size of the file, bytes
 * @returns an offset, or null while that line is incomplete
 */
export async function endOfPart(
  file: FileHandle,
  from: number,
  size: number,
  partBytes: number,
  lineBytes = LONGEST_LINE_BYTES
): Promise<number | null> {
  const buffer = Buffer.alloc(READ_BYTES);
  const longest = from + partBytes + lineBytes;
  for (let at = from + partBytes - 1; at < size;) {
    if (at >= longest) return longest;
    const { bytesRead } = await file.read(buffer, 0, Math.min(READ_BYTES, size - at), at);
    if (bytesRead === 0) return null;
    const newline = buffer.subarray(0, bytesRead).indexOf(NEWLINE);
    if (newline >= 0) return at + newline + 1;
    at += bytesRead;
  }
  return null;
}

/** @throws Error if the file is too short */
export async function bytesOf(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const bytes = Buffer.alloc(to - from);
  for (let at = 0; at < bytes.length;) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, from + at);
    if (bytesRead === 0) throw new Error('An event log is shorter than it was.');
    at += bytesRead;
  }
  return bytes;
}
