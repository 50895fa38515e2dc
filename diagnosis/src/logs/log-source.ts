import type { ZipEntry } from './zip.js';

/** Standard input, as a path. */
export const STDIN = '-';

/** One file of a log, or one file in a zip. */
export interface LogPart {
  /** What findings refer to; for a file in a zip `log.zip!name`. */
  path: string;
  /** The file on disk, or `-`. */
  file: string;
  /** It can be read only once: standard input or a pipe. */
  stream?: boolean;
  entry?: ZipEntry;
}

/** The log of one application. */
export interface LogSource {
  /** The application's id where the files are named after it, else the file's name. */
  name: string;
  kind: 'file' | 'rolling' | 'delivered' | 'stream';
  /** In the order in which they are read. */
  paths: string[];
  parts: LogPart[];
  /** On disk, compressed if they are; null for a stream. */
  bytes: number | null;
  /** Whether Spark was still writing it, by the files' names. */
  inProgress: boolean;
  /** The rolling directory, for those who follow it. */
  directory: string | null;
  /** What is wrong with the set of files, e.g. that one is missing. */
  problems: { path: string; message: string }[];
}
