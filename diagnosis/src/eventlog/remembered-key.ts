import { Expected } from './expected-bytes.js';

/** Texts up to this length are worth comparing with the one that the key had last. */
export const SHORT = 40;

/** Objects up to this many bytes are worth comparing with the one that the key had last. */
export const SMALL = 1024;

/** Objects that differ so often in a row are parsed without comparing, and looked at again after so many. */
export const PATIENCE = 8;

export const PAUSE = 512;

/** A key as its bytes, and what was seen around it last time: the next line will mostly be alike. */
export interface Key {
  /** The key, its quote and its colon. */
  readonly bytes: Expected;
  readonly text: string;
  readonly cut: boolean;
  /** The key after it in the same object. */
  next: Key | null;
  /** The first key in the object that is its value. */
  first: Key | null;
  /** The short text that was its value, and the quote behind it. */
  lastBytes: Expected;
  lastText: string;
  /** The small object that was its value: most tasks have many figures that are all 0. */
  lastObject: { bytes: Expected; value: Record<string, unknown> } | null;
  /** How many objects in a row may still differ; below 0: how many are not compared. */
  patience: number;
}
