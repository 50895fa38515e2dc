import { Expected } from './expected-bytes.js';

/** Strings up to this length are compared with the previous value of the key. */
export const SHORT = 40;

/** Objects up to this many bytes are compared with the previous value of the key. */
export const SMALL = 1024;

/** After this many differences in a row objects are parsed without comparing, and compared again after as many. */
export const PATIENCE = 8;

export const PAUSE = 512;

/** A key as bytes, and what was next to it last time: the next line is usually similar. */
export interface Key {
  /** The key with its quote and colon. */
  readonly bytes: Expected;
  readonly text: string;
  readonly cut: boolean;
  /** The next key in the same object. */
  next: Key | null;
  /** The first key in the object that is its value. */
  first: Key | null;
  /** The short string that was its value, with its closing quote. */
  lastBytes: Expected;
  lastText: string;
  /** The small object that was its value: in most tasks many metrics are 0. */
  lastObject: { bytes: Expected; value: Record<string, unknown> } | null;
  /** How many more objects in a row may differ; below 0: how many are not compared. */
  patience: number;
}
