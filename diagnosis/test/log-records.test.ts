import { describe, expect, it } from '@jest/globals';
import { readLog } from '../src/evidence/log-records.js';
import { at } from './reader-samples.js';

function said(...lines: string[]): string[] {
  return [...readLog(lines.join('\n'), 'log')].map(({ who, text: line, ref }) =>
    [typeof who === 'string' ? who : who.executor, ref, line.slice(0, 60)].join(' ')
  );
}

describe('a log', () => {
  it('of the driver reports a full heap with its whole record', () => {
    expect(
      said(
        `${at} WARN BlockManager: Failed to fetch remote block taskresult_23 from [..] after 1 fetch failures.`,
        'org.apache.spark.SparkException: Exception thrown in awaitResult:',
        '\tat org.apache.spark.util.ThreadUtils$.awaitResult(ThreadUtils.scala:293)',
        'Caused by: java.lang.OutOfMemoryError: Java heap space'
      )
    ).toEqual(['driver log:4 Caused by: java.lang.OutOfMemoryError: Java heap space']);
    expect(
      said('Exception in thread "dag-scheduler-event-loop" java.lang.OutOfMemoryError: x')
    ).toHaveLength(1);
    expect(
      said('# java.lang.OutOfMemoryError: Java heap space', '# -XX:OnOutOfMemoryError="kill %p"')
    ).toHaveLength(1);
  });

  it('of the driver quotes failures of tasks, which are not its own', () => {
    const trace = ['java.lang.OutOfMemoryError: Java heap space', '\tat a.B.c(B.java:1)'];
    expect(
      said(
        `${at} WARN TaskSetManager: Lost task 0.0 in stage 3.0 (TID 3) (10.0.0.1 executor 1): ${trace[0]}`,
        trace[1]!
      )
    ).toEqual([]);
    expect(
      said(
        `${at} ERROR ErrorUtils: Spark Connect error during: execute.`,
        'org.apache.spark.SparkException: Job aborted due to stage failure: Task 2 in stage 3.0 failed',
        ...trace.map(line => `Caused by: ${line}`)
      )
    ).toEqual([]);
    expect(
      said(`${at} ERROR Executor: Exception in task 1.0 in stage 3.0 (TID 4)`, ...trace)
    ).toEqual([]);
  });

  it('of an executor shows its id', () => {
    expect(
      said(
        `${at} INFO Executor: Starting executor ID 7 on host 10.0.0.1`,
        `${at} ERROR Executor: Exception in task 1.0 in stage 3.0 (TID 4)`,
        'java.lang.OutOfMemoryError: Java heap space'
      )
    ).toEqual(['7 log:3 java.lang.OutOfMemoryError: Java heap space']);
  });

  it('of the driver of a local cluster contains the commands of its executors, and stays that of the driver', () => {
    expect(
      said(
        `${at} INFO ExecutorRunner: Launch command: "java" "--driver-url" "x" "--executor-id" "3"`,
        'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space'
      )
    ).toEqual(['driver log:2 Exception in thread "main" java.lang.OutOfMemoryError: Java ']);
  });

  it('has a time only if it has a time zone', () => {
    const [one] = readLog(
      `${at} WARN YarnClusterScheduler: Initial job has not accepted any resources; x`,
      'l'
    );
    expect(one).toMatchObject({ at: null });
    const [two] = readLog(
      '2026-11-20T23:41:05.123Z WARN x: Initial job has not accepted any resources; x',
      'l'
    );
    expect(two!.at).toBe(Date.UTC(2026, 10, 20, 23, 41, 5, 123));
  });

  it('may be structured', () => {
    const line = JSON.stringify({
      ts: '2026-11-20T23:41:05.123Z',
      level: 'WARN',
      logger: 'TaskSchedulerImpl',
      msg: 'Initial job has not accepted any resources; check your cluster UI'
    });
    expect(said(line)).toHaveLength(1);
  });
});
