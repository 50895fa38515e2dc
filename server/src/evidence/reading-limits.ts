import { maxFileBytes } from '@aglais/witness/evidence-limits';
import type { Rate } from './read-rate.js';

const MIB = 2 ** 20;

/** Limits for reading one file of a cluster's directory, to which user code can write. */
export interface ReadingLimits {
  /** Maximum number of bytes of the file; later ones are not read. */
  fileBytes: number;
  /** Maximum number of bytes of a line; the rest is skipped. Spark's query plans are the longest lines. */
  lineBytes: number;
  bytes: Rate;
  /** Each line costs some microseconds, however short it is. */
  lines: Rate;
}

const LINE_BYTES: Readonly<Record<string, number>> = {
  'driver.log': MIB,
  'shares.jsonl': 16_384
};
const LONGEST_EVENT_BYTES = 32 * MIB;

/** A busy driver writes some thousand events per second, of 2 to 4 KiB each; this is five times as much. */
export const BYTES_RATE: Rate = { perSecond: 16 * MIB, burst: 256 * MIB };
const LINES_RATE: Rate = { perSecond: 20_000, burst: 500_000 };

/** Maximum number of observations that are recorded from one file that user code can write to. */
export const MAX_OBSERVATIONS = 2_000;

/** @param file its name in the cluster's directory */
export function readingLimits(file: string): ReadingLimits {
  return {
    fileBytes: maxFileBytes(file),
    lineBytes: LINE_BYTES[file] ?? LONGEST_EVENT_BYTES,
    bytes: BYTES_RATE,
    lines: LINES_RATE
  };
}
