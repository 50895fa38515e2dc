/**
 * Keys of an event's JSON that need not be parsed: no reader in `read-event.ts` uses their values in any object, and
 * they are large or part of every task. A test compares this with the full parse of every recorded line; a reader that
 * needs one of these keys must remove it from the list.
 */
export const OMITTED_FIELDS: Readonly<Record<string, readonly string[]>> = {
  SparkListenerTaskStart: task(),
  SparkListenerTaskEnd: [
    ...task(),
    'Task Type',
    // Of a failed or killed task.
    'Accumulator Updates',
    // Virtual memory says nothing about memory in use.
    'ProcessTreeJVMVMemory',
    'ProcessTreePythonVMemory',
    'ProcessTreeOtherVMemory',
    'DirectPoolMemory',
    'MappedPoolMemory',
    'OnHeapUnifiedMemory',
    'OffHeapUnifiedMemory',
    'MinorGCCount',
    'MajorGCCount',
    'ConcurrentGCCount',
    'ConcurrentGCTime',
    'Executor Deserialize Time',
    'Executor Deserialize CPU Time',
    'Result Serialization Time',
    'Peak On Heap Execution Memory',
    'Peak Off Heap Execution Memory',
    'Remote Bytes Read To Disk',
    'Remote Requests Duration',
    'Push Based Shuffle'
  ],
  // Most of a short log.
  SparkListenerEnvironmentUpdate: [
    'Hadoop Properties',
    'System Properties',
    'Metrics Properties',
    'Classpath Entries',
    'JVM Information'
  ],
  SparkListenerStageSubmitted: stage(),
  SparkListenerStageCompleted: stage(),
  SparkListenerJobStart: stage(),
  SparkListenerExecutorMetricsUpdate: ['Accumulator Updates'],
  'org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart': plan(),
  'org.apache.spark.sql.execution.ui.SparkListenerSQLAdaptiveExecutionUpdate': plan()
};

/** What is parsed nevertheless in a line with these words: a plan whose scans count their files. */
export const WANTED = { key: 'sparkPlanInfo', words: '"number of files' };

function task(): string[] {
  return ['Accumulables', 'Attempt', 'Host', 'Locality', 'Getting Result Time', 'Failed', 'Killed'];
}

function stage(): string[] {
  // `Details` and the call sites are whole call stacks; the name of the stage contains the line.
  return ['Accumulables', 'Details', 'Callsite', 'Scope', 'callSite.long', 'callSite.short'];
}

function plan(): string[] {
  return ['physicalPlanDescription', 'sparkPlanInfo', 'details'];
}
