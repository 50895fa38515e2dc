import type { Observation } from '@aglais/diagnosis';

/** Receives evidence as it arrives; the diagnosis parses the lines, so a corrupt one is only counted. */
export interface EvidenceSink {
  /** One line of Spark's event log. */
  eventLine(text: string, ref: string): void;
  /** One line of the launcher's record of observations. */
  evidenceLine(text: string, ref: string): void;
  observe(observation: Observation): void;
}
