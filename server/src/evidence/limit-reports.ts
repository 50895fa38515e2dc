import { formatMiB, type LogObservation } from '@aglais/diagnosis';
import type { Metric } from '../metrics.js';

/** Since the process started, for all clusters. */
let reached = 0;

export const limitMetrics: readonly Metric[] = [
  {
    name: 'aglais_evidence_limits_reached_total',
    help: 'Files of evidence that were longer than the server reads, and lines that were too long',
    type: 'counter',
    read: () => reached
  }
];

/** Which part of an evidence file was not read, and why. */
export type LimitReached =
  | { limit: 'file'; bytes: number }
  | { limit: 'line'; number: number }
  | { limit: 'records'; count: number };

/**
 * Counts a limit that was reached, and creates an observation about it. It has no timestamp, so that two servers that
 * follow one cluster create the same one.
 * @param file its name in the cluster's directory
 */
export function limitReport(file: string, what: LimitReached): LogObservation {
  reached += 1;
  return { kind: 'log', who: 'driver', at: null, text: textOf(file, what), ref: refOf(file, what) };
}

/** One report per limit of a file, however often it is read. */
export function refOf(file: string, { limit }: LimitReached): string {
  return `${file}:${limit}-limit`;
}

function textOf(file: string, what: LimitReached): string {
  switch (what.limit) {
    case 'file': {
      const size = formatMiB(what.bytes / 2 ** 20);
      return (
        `aglais: ${file} is longer than ${size}. Its first ${size} are kept; what follows is not read` +
        `${file === 'live.jsonl' ? ', so progress and findings of this cluster end there' : ''}. ` +
        'Restart Spark to begin a new file.'
      );
    }
    case 'line':
      return (
        `aglais: line ${what.number} of ${file} is too long and is not read; all others are. Later lines that are too long ` +
        'are skipped without a further report.'
      );
    case 'records':
      return (
        `aglais: ${what.count} records of ${file} are on record; later ones are not added, because a log that repeats itself ` +
        'must not fill the disk. The file itself has all of them.'
      );
  }
}
