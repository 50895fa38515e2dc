import { describe, expect, it } from '@jest/globals';
import { cgroup } from './recorded-runs.js';
import { heapFull, lost, Story } from './story.js';
import { CELL, KUBERNETES, findings, ids } from './incident-stories.js';

/** A job of one stage in which executor 1 is lost with a task that executor 2 then repeats. */
function losing(reason: string, conf: Record<string, string> = {}): Story {
  const story = new Story(conf).executor('1', '2').job(0, CELL, [0, 2]).stage(0, 2);
  const doomed = story.start(0, 0, { executor: '1', ms: 4000 });
  story.task(0, 1, { executor: '2' });
  doomed(lost('1', reason)).removed('1', reason);
  return story.wait(500).task(0, 0, { executor: '2', ms: 3000 }).stageEnd(0, 2).jobEnd(0);
}

describe('an executor that is lost with a running task', () => {
  const cases: [string, string, string][] = [
    ['Command exited with code 137', 'executor-oom-killed', 'likely'],
    [
      'The executor with id 1 exited with exit code 137(SIGKILL, possible container OOM).',
      'executor-oom-killed',
      'likely'
    ],
    [
      'The executor with id 1 exited with exit code 137(SIGKILL, possible container OOM).\n' +
        '\t exit code: 137\n\t termination reason: OOMKilled',
      'executor-oom-killed',
      'certain'
    ],
    [
      'The executor with id 1 exited with exit code 143(SIGTERM).\n\t exit code: 143\n\t termination reason: OOMKilled',
      'executor-lost',
      'likely'
    ],
    [
      'Container killed by YARN for exceeding memory limits. 5.6 GB of 5.5 GB physical memory used.',
      'executor-oom-killed',
      'certain'
    ],
    [
      "Container from a bad node: container_1 on host: h. Exit status: -104. Diagnostics: Container is running beyond the 'PHYSICAL' memory limit.",
      'executor-oom-killed',
      'certain'
    ],
    [
      'Container marked as failed: container_1 on host: h. Exit status: 143. Diagnostics: [Killed by external signal]',
      'executor-lost',
      'likely'
    ],
    ['Command exited with code 52', 'executor-heap-oom', 'certain'],
    ['Command exited with code 134', 'executor-lost', 'certain'],
    ['Executor heartbeat timed out after 131072 ms', 'executor-heartbeat-timeout', 'certain'],
    // On Kubernetes this masks a heartbeat timeout, if tasks were running.
    ['Executor killed by driver.', 'executor-heartbeat-timeout', 'possible'],
    [
      'Remote RPC client disassociated. Likely due to containers exceeding thresholds, or network issues.',
      'executor-lost',
      'likely'
    ]
  ];
  for (const [reason, code, confidence] of cases) {
    it(`"${reason.slice(0, 60)}…" is ${code}, ${confidence}`, () => {
      expect(ids(losing(reason))).toEqual([`${code}:cell:3:abc ${confidence}`]);
    });
  }

  it('is one finding with the task that ran twice, its cost and the cell', () => {
    const [finding] = findings(losing('Command exited with code 137'));
    expect(finding).toMatchObject({
      severity: 'warning',
      subject: { application: 'app-1', cell: 'abc', run: 3, jobs: [0], executors: ['1'] },
      cost: { taskMs: 4000, recomputedTasks: 1, wallMs: 4000 },
      effects: ['1 running task attempt failed with it']
    });
    expect(finding!.explanation).toContain(
      '1 of 2 tasks ran twice; that cost 4 s of task time and delayed the cell by about 4 s.'
    );
  });

  it('was certainly OOM-killed if its cgroup counted the kill', () => {
    const story = losing('Command exited with code 137', { 'spark.executor.memory': '512m' });
    const [finding] = findings(story, [cgroup('1', story.now, 1, 1434, 922)]);
    expect(finding).toMatchObject({
      confidence: 'certain',
      title: 'Executor 1 was killed for lack of memory'
    });
    expect(finding!.explanation).toContain(
      'executor 1 was killed by the Linux OOM killer (limit 1.4 GiB, maximum Java heap 512 MiB, Python workers used 922 MiB)'
    );
    // 512 MiB heap + 384 MiB JVM + 1.5 × 922 MiB Python = 2279 MiB, in steps of 128 MiB: 2304 MiB.
    expect(finding!.advice[0]).toMatchObject({
      action: 'resize',
      shape: { executorOverheadMiB: 2304 - 512 }
    });
  });

  it('was not OOM-killed if its cgroup, read afterwards, counted no kill', () => {
    const story = losing('Command exited with code 137');
    expect(ids(story, [cgroup('1', story.now, 0)])).toEqual(['executor-lost:cell:3:abc likely']);
    expect(ids(story, [cgroup('1', story.now - 60_000, 0)])).toEqual([
      'executor-oom-killed:cell:3:abc likely'
    ]);
  });

  it("ran out of heap if a task reported it, although YARN's handler then ended it with a signal", () => {
    const story = new Story({ 'spark.master': 'yarn' }).executor('1', '2');
    story.job(0, CELL, [0, 2]).stage(0, 2);
    const other = story.start(0, 1, { executor: '1', ms: 3000 });
    story.task(0, 0, { executor: '1' }, heapFull);
    other(lost('1', 'Exit status: 143')).removed('1', 'Exit status: 143');
    expect(ids(story)).toEqual(['executor-heap-oom:cell:3:abc certain']);
  });

  it('causes an error if the job failed because of it', () => {
    const story = new Story(KUBERNETES).executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '1' }, lost('1', 'exited with exit code 137'));
    story.removed('1', 'exited with exit code 137');
    story.jobEnd(
      0,
      'Job aborted due to stage failure: Task 0 in stage 0.0 failed 1 times: ExecutorLostFailure (executor 1 exited caused by one of the running tasks)'
    );
    const [finding] = findings(story);
    expect(finding).toMatchObject({
      severity: 'error',
      effects: expect.arrayContaining(['job 0 failed because of it'])
    });
    expect(finding!.explanation).toMatch(/^This cell failed because executor 1 .*limit 812 MiB/);
  });

  it('belongs to each cell with tasks on it, with the cost of that cell only', () => {
    const story = new Story().executor('1', '2');
    story
      .job(0, 'aglais-cell:1:a', [0, 1])
      .stage(0, 1)
      .job(1, 'aglais-cell:2:b', [1, 1])
      .stage(1, 1);
    const a = story.start(0, 0, { executor: '1', ms: 2000 });
    const b = story.start(1, 0, { executor: '1', ms: 2000 });
    a(lost('1', 'Command exited with code 137'));
    b(lost('1', 'Command exited with code 137')).removed('1', 'Command exited with code 137');
    const found = findings(story);
    expect(found.map(({ id }) => id)).toEqual([
      'executor-oom-killed:cell:1:a',
      'executor-oom-killed:cell:2:b'
    ]);
    expect(found.map(({ cost }) => cost!.taskMs)).toEqual([2000, 2000]);
  });
});
