import type { Confidence, Finding, FindingCode, Severity, Shape } from '@aglais/protocol';
import type { RunningCase } from './running-case.js';

/** One cell of a notebook. Its Python finds `spark`, `F`, `np`, `pd`, `time`, `directory` and what earlier cells made. */
export interface Cell {
  name: string;
  code: string;
  /** How it must end; default: well. */
  ends?: 'error' | 'cancelled';
  /** It begins together with the cell before it, in a thread of its own. */
  together?: boolean;
}

/** A finding that a case must lead to. */
export interface Expected {
  code: FindingCode;
  /** Name of the cell that it is about; null: of no cell, but of the cluster. */
  cell: string | null;
  /** One of several where it depends on the share of the time, and so on the machine. */
  severity: Severity | readonly Severity[];
  confidence: Confidence;
  /** What is wrong with its figures, as a sentence; null if they are plausible. */
  figures?: (finding: Finding) => string | null;
}

/** What a machine must have, else the case is skipped. */
export type Need = 'memory cgroups' | 'small disks';

/** Something that is made to happen on a real Spark, and what the diagnosis must say of it. */
export interface Case {
  name: string;
  /** One sentence for people. */
  happens: string;
  /** Spark properties beside those of the product; a case with any gets a cluster of its own. */
  properties?: Readonly<Record<string, string>>;
  /** What differs from the default shape; a case with any gets a cluster of its own. */
  shape?: Partial<Shape>;
  needs?: readonly Need[];
  /** A full disk of this size takes the place of the executors' scratch space, MiB. */
  scratchMiB?: number;
  cells: readonly Cell[];
  /** What is done to Spark while the cells run; begins with the first. */
  during?: (run: RunningCase) => Promise<void>;
  /** Nothing: a healthy run. */
  expected: readonly Expected[];
  /** Findings that may come or not, because they depend on the machine; not to be used for others. */
  may?: readonly FindingCode[];
  /** Small and quick: part of `npm test`. */
  quick?: boolean;
}

export interface Family {
  name: string;
  cases: readonly Case[];
}

/** Whether it can run beside other cases on one cluster without meeting them. */
export function isShareable({ properties, shape, during, scratchMiB, expected }: Case): boolean {
  return !properties && !shape && !during && !scratchMiB && expected.length === 0;
}

/** The id under which the notebook of the corpus knows a cell: cases may share a cluster. */
export const cellId = (name: string, cell: string) => `${name}.${cell}`;
