import type { Confidence, Finding, FindingCode, Severity, Shape } from '@aglais/protocol';
import type { RunningCase } from './running-case.js';

/** One cell of a notebook. Its Python finds `spark`, `F`, `np`, `pd`, `time`, `directory` and what earlier cells made. */
export interface Cell {
  name: string;
  code: string;
  /** The expected outcome; default: success. */
  ends?: 'error' | 'cancelled';
  /** It starts together with the previous cell, in its own thread. */
  together?: boolean;
}

/** A finding that a case must produce. */
export interface Expected {
  code: FindingCode;
  /** Name of the affected cell; null: the finding is about the cluster. */
  cell: string | null;
  /** Several if the severity depends on the speed of the machine. */
  severity: Severity | readonly Severity[];
  confidence: Confidence;
  /** Checks its numbers: a sentence that says what is wrong; null if they are plausible. */
  figures?: (finding: Finding) => string | null;
}

/** Requirements of a case; without them it is skipped. */
export type Need = 'memory cgroups' | 'small disks';

/** A situation that is produced on a real Spark, and the findings that it must lead to. */
export interface Case {
  name: string;
  /** A one-sentence description. */
  happens: string;
  /** Additional Spark properties; a case with any gets its own cluster. */
  properties?: Readonly<Record<string, string>>;
  /** Differences from the default shape; a case with any gets its own cluster. */
  shape?: Partial<Shape>;
  needs?: readonly Need[];
  /** Size of a small disk that replaces the executors' scratch space, MiB. */
  scratchMiB?: number;
  cells: readonly Cell[];
  /** Interferes with Spark while the cells run; starts with the first cell. */
  during?: (run: RunningCase) => Promise<void>;
  /** Nothing: a healthy run. */
  expected: readonly Expected[];
  /** Optional findings, which depend on the machine. */
  may?: readonly FindingCode[];
  /** Small and quick: part of `npm test`. */
  quick?: boolean;
}

export interface Family {
  name: string;
  cases: readonly Case[];
}

/** Whether it can share a cluster with other cases. */
export function isShareable({ properties, shape, during, scratchMiB, expected }: Case): boolean {
  return !properties && !shape && !during && !scratchMiB && expected.length === 0;
}

/** The id of a cell; it includes the case, because cases may share a cluster. */
export const cellId = (name: string, cell: string) => `${name}.${cell}`;
