/**
 * What may be left out of an event's JSON: keys whose values no reader in `event.ts` looks at, in
 * whatever object they stand, and that are large or in every task. A test holds this against the full
 * parse of every recorded line; a reader that wants one of these takes it off the list.
 */
export const BULKY: Readonly<Record<string, readonly string[]>> = {
  SparkListenerTaskStart: task(),
  SparkListenerTaskEnd: [
    ...task(),
    'Task Type',
    // Of a task that failed or was killed.
    'Accumulator Updates',
    // Virtual memory says nothing about memory in use.
    'ProcessTreeJVMVMemory',
    'ProcessTreePythonVMemory',
    'ProcessTreeOtherVMemory',
    'MappedPoolMemory',
    'MinorGCCount',
    'MajorGCCount',
    'ConcurrentGCCount',
    'Push Based Shuffle'
  ],
  SparkListenerStageSubmitted: stage(),
  SparkListenerStageCompleted: stage(),
  SparkListenerJobStart: stage(),
  SparkListenerExecutorMetricsUpdate: ['Accumulator Updates'],
  'org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart': plan(),
  'org.apache.spark.sql.execution.ui.SparkListenerSQLAdaptiveExecutionUpdate': plan()
};

/** What is read after all in a line that has these words: a plan whose scans count their files. */
export const WANTED = { key: 'sparkPlanInfo', words: '"number of files' };

function task(): string[] {
  return ['Accumulables', 'Host', 'Locality', 'Getting Result Time'];
}

function stage(): string[] {
  // `Details` is the whole call stack; the stage's name says its line.
  return ['Accumulables', 'Details'];
}

function plan(): string[] {
  return ['physicalPlanDescription', 'sparkPlanInfo', 'details'];
}
