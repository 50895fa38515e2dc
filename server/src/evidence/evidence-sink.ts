import type { Observation } from '@aglais/diagnosis';

/** Takes evidence as it comes; lines are judged by the diagnosis, so that a damaged one disturbs nothing. */
export interface EvidenceSink {
  /** One line of Spark's event log. */
  eventLine(text: string, ref: string): void;
  /** One line of a launcher's own record of observations. */
  evidenceLine(text: string, ref: string): void;
  observe(observation: Observation): void;
}
