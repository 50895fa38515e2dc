import type { ZipEntry } from './zip.js';

/** The path that means standard input. */
export const STDIN = '-';

/** One file of a log, or one file in a zip. */
export interface LogPart {
  /** The name in references of findings; for a file in a zip `log.zip!name`. */
  path: string;
  /** The file on disk, or `-`. */
  file: string;
  /** It can be read only once: standard input or a pipe. */
  stream?: boolean;
  entry?: ZipEntry;
}

/** The log of one application. */
export interface LogSource {
  /** The application's id if the files are named after it, otherwise the file name. */
  name: string;
  kind: 'file' | 'rolling' | 'delivered' | 'stream';
  /** In reading order. */
  paths: string[];
  parts: LogPart[];
  /** Size on disk, possibly compressed; null for a stream. */
  bytes: number | null;
  /** Whether Spark is still writing it, according to the file names. */
  inProgress: boolean;
  /** The rolling directory, to follow it. */
  directory: string | null;
  /** Problems with the set of files, for example a missing one. */
  problems: { path: string; message: string }[];
}
