/**
 * What may be cut out of an event's JSON before it is parsed: values that no reader in `event.ts`
 * looks at, at whatever depth they stand, and that are large enough for the cut to pay. A test
 * holds this against the full parse of every recorded line; a reader that wants one of these
 * takes it off the list.
 *
 * `array`: becomes `[]`. `string`: becomes `""`. `object`: becomes `{}`.
 */
export interface Bulky {
  key: string;
  kind: 'array' | 'string' | 'object';
}

const accumulables: Bulky = { key: 'Accumulables', kind: 'array' };
/** The whole call stack of the stage; the stage's name says its line. */
const details: Bulky = { key: 'Details', kind: 'string' };
/** Accumulables of a task that failed or was killed. */
const updates: Bulky = { key: 'Accumulator Updates', kind: 'array' };
const plans: Bulky[] = [
  { key: 'physicalPlanDescription', kind: 'string' },
  { key: 'sparkPlanInfo', kind: 'object' },
  { key: 'details', kind: 'string' }
];

export const BULKY: Readonly<Record<string, readonly Bulky[]>> = {
  SparkListenerTaskEnd: [accumulables, updates],
  SparkListenerStageSubmitted: [accumulables, details],
  SparkListenerStageCompleted: [accumulables, details],
  SparkListenerJobStart: [accumulables, details],
  SparkListenerExecutorMetricsUpdate: [updates],
  'org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart': plans,
  'org.apache.spark.sql.execution.ui.SparkListenerSQLAdaptiveExecutionUpdate': plans
};
