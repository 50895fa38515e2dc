import { describe, expect, it } from '@jest/globals';
import { type Observation } from '../src/index.js';
import { pod, terminated } from './kubernetes.js';
import { Story } from './story.js';
import {
  CELL,
  KUBERNETES,
  AT,
  type More,
  findings,
  ids,
  pods,
  failing
} from './stories-with-evidence.js';

describe('the driver', () => {
  /** A cell whose job never ends. */
  const broken = (): Story => {
    const story = new Story(KUBERNETES).executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    story.start(0, 0, { executor: '1' });
    return story;
  };
  const end: Observation = { kind: 'end' };
  const driver = (code: number, reason: string): More =>
    pods(pod({ role: 'driver', state: terminated(code, reason, AT), limit: '1536Mi' }));
  const gone: More = [
    'client',
    'Traceback (most recent call last):\nSparkConnectGrpcException: StatusCode.UNAVAILABLE failed to connect to all addresses'
  ];

  it("is OOM-killed: the cell, the client's error and the truncated log are effects", () => {
    const story = broken();
    const [finding, ...others] = findings(story, end, gone, driver(137, 'OOMKilled'));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'driver-oom-killed:cell:3:abc',
      severity: 'error',
      confidence: 'certain',
      subject: { cell: 'abc', pod: 'app-driver' },
      effects: ['1 running job ended with it', 'the session ended with it']
    });
    expect(finding!.evidence.map(({ source }) => source)).toEqual(['container', 'client']);
  });

  it('is OOM-killed while a cell uses it without a job, however late the cell ends', () => {
    const killedAt = Date.parse(AT);
    const run = (cell: string, from: number, to: number): Observation[] =>
      (['running', 'ok'] as const).map((outcome, index) => ({
        ...{ kind: 'cell', cell, run: 1, outcome },
        at: killedAt + (index === 0 ? from : to)
      }));
    const earlier = run('earlier', -9_000, -4_000);
    const later = run('later', 7_000, 8_000);
    const waiting = run('waiting', -3_000, 300_000);
    const told = (...more: More[]) =>
      ids(new Story(KUBERNETES), end, driver(137, 'OOMKilled'), ...more);
    expect(told(...earlier, ...waiting, ...later)).toEqual([
      'driver-oom-killed:cell:1:waiting error certain'
    ]);
    expect(told(...earlier, ...later)).toEqual(['driver-oom-killed:application error certain']);
  });

  it('is recognized by the name of its pod if it has no labels of Spark', () => {
    const state = terminated(137, 'OOMKilled', AT);
    expect(ids(broken(), pods(pod({ role: null, name: 'app-driver', state })))).toEqual([
      'driver-oom-killed:cell:3:abc error certain'
    ]);
  });

  it('is stopped like all pods at the end, which is not reported', () => {
    const stopped = pod({
      role: 'driver',
      state: terminated(143, 'Error', AT),
      deletion: { timestamp: '2026-11-20T23:36:00Z', grace: 30 }
    });
    expect(ids(new Story(KUBERNETES).end(), end, pods(stopped))).toEqual([]);
  });

  it('runs out of heap, according to its exit code, its log, or results that could not be fetched', () => {
    expect(ids(broken(), end, driver(52, 'Error'))).toEqual([
      'driver-heap-oom:cell:3:abc error certain'
    ]);
    const log: More = [
      'stderr',
      'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space'
    ];
    expect(ids(broken(), log)).toEqual(['driver-heap-oom:cell:3:abc warning certain']);
    const results = failing(
      { Reason: 'TaskResultLost' },
      'TaskResultLost (result lost from block manager)'
    );
    expect(ids(results)).toEqual(['driver-heap-oom:cell:3:abc error likely']);
    expect(ids(results, log)).toEqual(['driver-heap-oom:cell:3:abc error certain']);
  });

  it('exits with a full heap if configured to: the cell failed because of it', () => {
    const log: More = ['stderr', 'Terminating due to java.lang.OutOfMemoryError: Java heap space'];
    const error = { name: 'SparkConnectGrpcException', message: 'StatusCode.UNAVAILABLE' };
    const heard: More = { kind: 'cell', cell: 'abc', run: 3, at: 9e6, outcome: 'error', error };
    const idle = new Story().executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    idle.task(0, 0, { executor: '1' }).stageEnd(0, 1).jobEnd(0);
    for (const story of [broken(), idle]) {
      expect(ids(story, end, heard, log)).toEqual(['driver-heap-oom:cell:3:abc error certain']);
    }
    expect(findings(idle, end, heard, log)[0]!.explanation).toMatch(
      /^This cell failed because the driver ran out of Java heap/
    );
  });

  it('that ran out of heap has advice based on its peak and the size of the result', () => {
    const conf = { 'spark.driver.memory': '1g' };
    const story = new Story(conf).executor('1').job(0, CELL, [0, 8]).stage(0, 8);
    story.event('SparkListenerStageExecutorMetrics', {
      'Executor ID': 'driver',
      'Executor Metrics': { JVMHeapMemory: 1000 * 2 ** 20 }
    });
    const where = { 'Stage ID': 0, 'Stage Attempt ID': 0 };
    for (const index of [0, 1]) {
      const info = { 'Task ID': index, Index: index, 'Launch Time': story.now, 'Executor ID': '1' };
      story.event('SparkListenerTaskEnd', {
        ...where,
        'Task End Reason': { Reason: 'Success' },
        'Task Info': { ...info, 'Finish Time': story.now + 1000 },
        'Task Metrics': { 'Result Size': 400 * 2 ** 20 }
      });
    }
    const said =
      'Job aborted due to stage failure: TaskResultLost (result lost from block manager)';
    for (let attempt = 0; attempt < 4; attempt += 1) {
      story.task(0, 2, { executor: '1' }, { Reason: 'TaskResultLost' });
    }
    const [finding] = findings(story.stageEnd(0, 8, 0, said).jobEnd(0, said));
    // The current 1 GiB, and 8 × 400 MiB.
    expect(finding!.advice[1]).toEqual({
      action: 'resize',
      shape: { driverMemoryMiB: 4224 },
      sentence:
        'Request 4.1 GiB of Java heap for the driver instead of 1.0 GiB (peak use when measured: 1000 MiB). ' +
        'The results of 2 of 8 tasks took 800 MiB; all of them would take about 3.1 GiB.'
    });
    expect(finding!.explanation).toContain('results of 4 finished task attempts');
  });

  it("cannot fetch results of a lost executor: that is the executor's incident", () => {
    const story = new Story().executor('1', '2').job(0, CELL, [0, 1]).stage(0, 1);
    story.removed('1', 'Command exited with code 137');
    story.task(0, 0, { executor: '1' }, { Reason: 'TaskResultLost' }).task(0, 0, { executor: '2' });
    expect(ids(story.jobEnd(0))).toEqual(['executor-oom-killed:cell:3:abc warning likely']);
  });

  it('ends the application when too many executors have failed', () => {
    const log = 'ERROR ExecutorPodsLifecycleManager: Max number of executor failures (4) reached';
    const expected = ['too-many-executor-failures:cell:3:abc error certain'];
    expect(ids(broken(), end, ['stderr', `26/11/20 23:41:05 ${log}`])).toEqual(expected);
    expect(ids(broken(), end, driver(11, 'Error'))).toEqual(expected);
  });
});
