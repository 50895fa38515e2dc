import type { Finding } from '@aglais/protocol';
import { describe, expect, it } from '@jest/globals';
import { cgroup, diagnose } from './evidence.js';
import {
  exception,
  fetchFailed,
  heapFull,
  killed,
  lost,
  pythonCrash,
  resubmitted,
  Story
} from './story.js';

const CELL = 'aglais-cell:3:abc';
const KUBERNETES = {
  'spark.master': 'k8s://https://10.0.0.1:443',
  'spark.executor.memory': '512m',
  'spark.executor.memoryOverhead': '300m'
};

function findings(story: Story, ...more: Parameters<typeof diagnose>[0][]): Finding[] {
  return diagnose([...story.observations, ...more.flatMap(one => [...one])]).findings();
}

function ids(story: Story, ...more: Parameters<typeof diagnose>[0][]): string[] {
  return findings(story, ...more).map(({ id, confidence }) => `${id} ${confidence}`);
}

/** A job of one stage in which executor 1 goes away with a task that executor 2 then does. */
function losing(reason: string, conf: Record<string, string> = {}): Story {
  const story = new Story(conf).executor('1', '2').job(0, CELL, [0, 2]).stage(0, 2);
  const doomed = story.start(0, 0, { executor: '1', ms: 4000 });
  story.task(0, 1, { executor: '2' });
  doomed(lost('1', reason)).removed('1', reason);
  return story.wait(500).task(0, 0, { executor: '2', ms: 3000 }).stageEnd(0, 2).jobEnd(0);
}

describe('an executor that is lost with a task on it', () => {
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
    // On Kubernetes this masks a lost heartbeat, if tasks were running.
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
      effects: ['1 running task attempt died with it']
    });
    expect(finding!.explanation).toContain(
      '1 of 2 tasks ran twice; that cost 4 s of task time and held the cell up by about 4 s.'
    );
  });

  it('was killed for memory for certain when its cgroup counted the kill', () => {
    const story = losing('Command exited with code 137', { 'spark.executor.memory': '512m' });
    const [finding] = findings(story, [cgroup('1', story.now, 1, 1434, 922)]);
    expect(finding).toMatchObject({
      confidence: 'certain',
      title: 'Executor 1 was killed for lack of memory'
    });
    expect(finding!.explanation).toContain(
      "executor 1 was killed by the kernel's out-of-memory killer (limit 1.4 GiB, the Java heap may take 512 MiB, Python workers used 922 MiB)"
    );
    // 512 MiB heap + 384 MiB JVM + 1.5 × 922 MiB Python = 2279 MiB, in steps of 128 MiB: 2304 MiB.
    expect(finding!.advice[0]).toMatchObject({
      action: 'resize',
      shape: { executorOverheadMiB: 2304 - 512 }
    });
  });

  it('was not killed for memory when its cgroup, read afterwards, counted no kill', () => {
    const story = losing('Command exited with code 137');
    expect(ids(story, [cgroup('1', story.now, 0)])).toEqual(['executor-lost:cell:3:abc likely']);
    expect(ids(story, [cgroup('1', story.now - 60_000, 0)])).toEqual([
      'executor-oom-killed:cell:3:abc likely'
    ]);
  });

  it("ran out of heap if a task said so, although YARN's own handler then ended it by signal", () => {
    const story = new Story({ 'spark.master': 'yarn' }).executor('1', '2');
    story.job(0, CELL, [0, 2]).stage(0, 2);
    const other = story.start(0, 1, { executor: '1', ms: 3000 });
    story.task(0, 0, { executor: '1' }, heapFull);
    other(lost('1', 'Exit status: 143')).removed('1', 'Exit status: 143');
    expect(ids(story)).toEqual(['executor-heap-oom:cell:3:abc certain']);
  });

  it('makes an error of the finding if the job failed by it, and says so', () => {
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
      effects: expect.arrayContaining(['job 0 failed by it'])
    });
    expect(finding!.explanation).toMatch(/^This cell failed because executor 1 .*limit 812 MiB/);
  });

  it('belongs to each cell whose own tasks were on it, with the cost of that cell only', () => {
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

describe('what must not be reported', () => {
  it('idle executors that dynamic allocation takes back', () => {
    const story = new Story().executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '1' }).stageEnd(0, 1).jobEnd(0).wait(60_000);
    story.removed('1', 'Executor killed by driver.');
    expect(ids(story)).toEqual([]);
  });

  it('an idle executor that ends by SIGTERM or SIGKILL, unless its cgroup counted a kill', () => {
    const story = new Story().executor('1', '2');
    story.removed('1', 'Command exited with code 143').removed('2', 'Command exited with code 137');
    expect(ids(story)).toEqual([]);
    expect(ids(story, [cgroup('2', story.now, 1)])).toEqual([
      'executor-oom-killed:application certain'
    ]);
  });

  it('tasks that died with their executors because the application was being stopped', () => {
    const story = new Story().executor('1').job(0, CELL, [0, 2]).stage(0, 2);
    const task = story.start(0, 0, { executor: '1' });
    task(lost('1', 'Command exited with code 143')).removed('1', 'Command exited with code 143');
    expect(ids(story)).toEqual(['executor-lost:cell:3:abc likely']);
    story.removed(
      '9',
      'java.lang.IllegalStateException: Shutdown hooks cannot be modified during shutdown.'
    );
    story.jobEnd(0, 'Job 0 cancelled because SparkContext was shut down').wait(300).end();
    expect(ids(story)).toEqual([]);
  });

  it('attempts that lost a race, and tasks of a job that the user cancelled', () => {
    const story = new Story().executor('1', '2').job(0, CELL, [0, 1]).stage(0, 1);
    const slow = story.start(0, 0, { executor: '1', ms: 9000 });
    story.task(0, 0, { executor: '2', speculative: true });
    slow(killed('another attempt succeeded')).stageEnd(0, 1).jobEnd(0);
    story.job(1, CELL, [1, 1]).stage(1, 1);
    story.task(1, 0, { executor: '2' }, killed('Stage cancelled: [SPARK_JOB_CANCELLED]'));
    story.jobEnd(1, '[SPARK_JOB_CANCELLED] Job 1 cancelled part of cancelled job group');
    expect(ids(story)).toEqual([]);
  });
});

describe('Python workers that die', () => {
  function crashing(conf: Record<string, string> = KUBERNETES): Story {
    const story = new Story(conf).executor('1', '2').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '1' }, pythonCrash);
    return story.task(0, 0, { executor: '1' }).stageEnd(0, 1).jobEnd(0);
  }

  it('probably ran out of memory; for certain if the cgroup counted a kill and the executor lives', () => {
    const story = crashing();
    expect(ids(story)).toEqual(['python-worker-died:cell:3:abc likely']);
    const [finding] = findings(story, [cgroup('1', story.now, 1, 812, 420)]);
    expect(finding).toMatchObject({ confidence: 'certain', severity: 'warning' });
    expect(finding!.explanation).toMatch(
      /^This cell succeeded, but the kernel's out-of-memory killer killed the Python workers of 1 task attempt on executor 1 \(limit of the executor 812 MiB, .*Python workers used 420 MiB\)/
    );
    // 512 + 384 + 1.5 × 420 = 1526 MiB: 1536 MiB, of which 1024 MiB beside the heap.
    expect(finding!.advice).toEqual([
      expect.objectContaining({ action: 'resize', shape: { executorOverheadMiB: 1024 } })
    ]);
  });

  it('did not run out of memory if the kernel, asked afterwards, has killed nothing there', () => {
    const story = crashing();
    const [finding] = findings(story, [cgroup('1', story.now, 0, 812, 420)]);
    expect(finding).toMatchObject({
      id: 'python-worker-died:cell:3:abc',
      confidence: 'certain',
      title: 'Python workers died on executor 1, but not for lack of memory',
      advice: [{ action: 'set' }]
    });
    expect(finding!.explanation).toContain('the kernel counted no kill for memory there');
    expect(finding!.advice[0]!.sentence).toContain('More memory will not help');
    expect(finding!.evidence.map(({ quote }) => quote)).toContain('oom_kill 0');
    // One cgroup in which all executors live says it as well.
    expect(findings(story, [cgroup('*', story.now, 0)])[0]).toMatchObject({
      confidence: 'certain'
    });
  });

  it('may still have run out of memory if the kernel was asked before they died, or not for all of them', () => {
    const story = crashing();
    const early = cgroup('1', story.now - 5_000, 0, 812, 420);
    expect(findings(story, [early])[0]).toMatchObject({ confidence: 'likely' });
    const two = new Story(KUBERNETES).executor('1', '2').job(0, CELL, [0, 2]).stage(0, 2);
    two.task(0, 0, { executor: '1' }, pythonCrash).task(0, 1, { executor: '2' }, pythonCrash);
    const [finding] = findings(two, [cgroup('1', two.now, 0)]);
    expect(finding).toMatchObject({ confidence: 'likely' });
    expect(finding!.title).toContain('probably for lack of memory');
  });

  it('do not make a later SIGKILL of their executor a kill for memory', () => {
    const story = new Story().executor('1', '2').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '1' }, pythonCrash).wait(60_000);
    story.task(0, 0, { executor: '1' }, lost('1', 'Command exited with code 137'));
    const counted = cgroup('1', story.now - 55_000, 1);
    const early = [...story.observations, counted];
    expect(
      diagnose(early)
        .findings()
        .map(({ code, confidence }) => `${code} ${confidence}`)
    ).toContain('executor-oom-killed likely');
    story.removed('1', 'Command exited with code 137');
    expect(ids(story, [counted, cgroup('1', story.now, 2)])).toEqual([
      'python-worker-died:cell:3:abc certain',
      'executor-oom-killed:cell:3:abc certain'
    ]);
  });

  it('met their own limit if Python raised MemoryError under spark.executor.pyspark.memory', () => {
    const memoryError = exception(
      'org.apache.spark.api.python.PythonException',
      'Traceback (most recent call last):\n  File "<string>", line 3, in f\nMemoryError\n'
    );
    const story = (conf: Record<string, string>): Story =>
      new Story(conf)
        .executor('1')
        .job(0, CELL, [0, 1])
        .stage(0, 1)
        .task(0, 0, { executor: '1' }, memoryError)
        .task(0, 0, { executor: '1' })
        .jobEnd(0);
    const limited = story({ 'spark.executor.pyspark.memory': '300m' });
    expect(findings(limited)[0]).toMatchObject({
      id: 'python-worker-died:cell:3:abc',
      confidence: 'certain',
      advice: [{ action: 'set', conf: { 'spark.executor.pyspark.memory': '640m' } }]
    });
    // Without that limit it is an exception of the user's code.
    expect(ids(story({}))).toEqual(['task-retries:cell:3:abc certain']);
  });
});

describe('work that Spark does again', () => {
  /** Map stage 0, then reduce stage 1 misses blocks of `executor`, and both run again. */
  function missing(executor: string | null): Story {
    const story = new Story().executor('1', '2').job(0, CELL, [0, 2], [1, 1]).stage(0, 2);
    story.task(0, 0, { executor: '1' }).task(0, 1, { executor: '2' }).stageEnd(0, 2);
    story.stage(1, 1, 0, [0]).task(1, 0, { executor: '2' }, fetchFailed(executor));
    story.stageEnd(1, 1, 0, 'FetchFailedException');
    story.stage(0, 1, 1).task(0, 0, { executor: '2', attempt: 1, ms: 2000 }).stageEnd(0, 1, 1);
    story.stage(1, 1, 1, [0]).task(1, 0, { executor: '2', attempt: 1 }).stageEnd(1, 1, 1);
    return story.jobEnd(0);
  }

  it('because blocks of a living executor could not be read is a shuffle-fetch-failed', () => {
    const [finding, ...others] = findings(missing('1'));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'shuffle-fetch-failed:cell:3:abc',
      severity: 'warning',
      cost: { taskMs: 3000, recomputedTasks: 2, wallMs: 3000 },
      effects: [
        '1 task attempt could not read shuffle blocks from it',
        'stage 0 had to do 1 finished task again'
      ],
      advice: [
        {
          action: 'set',
          conf: { 'spark.shuffle.io.maxRetries': '6', 'spark.shuffle.io.retryWait': '10s' }
        }
      ]
    });
  });

  it('stays that when the executor, which went on working, is stopped with the application', () => {
    const story = missing('1');
    story.job(1, CELL, [2, 1]).stage(2, 1).task(2, 0, { executor: '1' }).stageEnd(2, 1).jobEnd(1);
    story.wait(500).removed('1', 'Worker shutting down').end();
    const [finding, ...others] = findings(story);
    expect(others).toEqual([]);
    expect(finding!.id).toBe('shuffle-fetch-failed:cell:3:abc');
    expect(finding!.explanation).not.toContain('removed');
    expect(Object.keys(finding!.advice[0]!)).toContain('conf');
  });

  it('because their executor was killed for memory is that finding and no other', () => {
    for (const executor of ['1', null]) {
      const story = missing(executor);
      const at = story.observations.findIndex(one => JSON.stringify(one).includes('FetchFailed'));
      const reason =
        'The executor with id 1 exited with exit code 137\n termination reason: OOMKilled';
      const removal = new Story().wait(2100).removed('1', reason).observations.at(-1)!;
      story.observations.splice(at, 0, removal);
      expect(ids(story)).toEqual(['executor-oom-killed:cell:3:abc certain']);
    }
  });

  it('because idle executors were taken back with their output is told with the remedy', () => {
    const story = missing('1');
    const at = story.observations.findIndex(one => JSON.stringify(one).includes('FetchFailed'));
    const removal = new Story().removed('1', 'Executor killed by driver.').observations.at(-1)!;
    story.observations.splice(at, 0, removal);
    const [finding] = findings(story);
    expect(finding!.id).toBe('shuffle-fetch-failed:cell:3:abc');
    expect(finding!.explanation).toContain('executor 1 had been removed before');
  });

  it('without any failed fetch is a stage-recomputed once the job has succeeded', () => {
    const story = new Story().executor('1', '2').job(0, CELL, [0, 2]).stage(0, 2);
    const first = story.start(0, 0, { executor: '1' });
    first();
    story.removed('1', 'Executor decommission: spot instance goes away');
    first(resubmitted);
    story.task(0, 0, { executor: '2', ms: 1500 }).task(0, 1, { executor: '2' }).stageEnd(0, 2);
    expect(ids(story)).toEqual([]);
    story.jobEnd(0);
    expect(findings(story)).toEqual([
      expect.objectContaining({
        id: 'stage-recomputed:cell:3:abc',
        severity: 'warning',
        cost: { taskMs: 1000, recomputedTasks: 1, wallMs: 1500 }
      })
    ]);
  });

  describe('under another stage’s id, as adaptive execution does', () => {
    const SQL = { 'spark.job.tags': CELL, 'spark.sql.execution.id': '7' };
    const stage = (id: number, parents: number[] = []) => ({
      'Stage ID': id,
      'Stage Attempt ID': 0,
      'Stage Name': `stage ${id}`,
      'Number of Tasks': 2,
      'Parent IDs': parents,
      'RDD Info': [{ 'RDD ID': 11 }, { 'RDD ID': 7 }]
    });

    /** Stage 0 computes RDD 11 in a job of its own; `again` is the stage that does so in the next job. */
    function again(stages: object[]): Story {
      const story = new Story().executor('1', '2');
      const run = (job: number, infos: object[], id: number, executor: string): void => {
        story.event('SparkListenerJobStart', {
          'Job ID': job,
          'Submission Time': story.now,
          'Stage Infos': infos,
          Properties: SQL
        });
        const info = infos.find(one => Object.values(one)[0] === id);
        story.event('SparkListenerStageSubmitted', { 'Stage Info': info, Properties: SQL });
        story.task(id, 0, { executor }).task(id, 1, { executor });
        const end = { ...info, 'Submission Time': story.now, 'Completion Time': story.now };
        story.event('SparkListenerStageCompleted', { 'Stage Info': end });
        story.jobEnd(job);
      };
      run(0, [stage(0)], 0, '1');
      story.wait(500).removed('1', 'Executor killed by driver.').wait(500);
      run(1, stages, 2, '2');
      return story;
    }

    it('is a stage-recomputed that names the executor that went in between', () => {
      const [finding, ...others] = findings(again([stage(2), stage(3, [2])]));
      expect(others).toEqual([]);
      expect(finding).toMatchObject({
        id: 'stage-recomputed:cell:3:abc',
        severity: 'warning',
        count: 2,
        subject: { executors: ['1'] },
        cost: { taskMs: 2000, recomputedTasks: 2, wallMs: 2000 }
      });
    });

    it('is nothing if it is a result, which may be asked for twice', () => {
      expect(ids(again([stage(2)]))).toEqual([]);
    });
  });

  it('because tasks failed and were tried again is told once the job has succeeded', () => {
    const story = new Story().executor('1').job(0, CELL, [0, 2]).stage(0, 2);
    const broken = exception('java.io.IOException', 'Connection reset');
    story.task(0, 0, { executor: '1' }, broken).task(0, 0, { executor: '1' }, broken);
    story.task(0, 0, { executor: '1' }).task(0, 1, { executor: '1' });
    expect(ids(story)).toEqual([]);
    const [finding] = findings(story.jobEnd(0));
    expect(finding).toMatchObject({
      id: 'task-retries:cell:3:abc',
      count: 2,
      cost: { taskMs: 2000, recomputedTasks: 1, wallMs: 2000 }
    });
    expect(finding!.explanation).toContain('Connection reset');
  });

  it('because Python code failed names the error of the Python code', () => {
    const trace =
      'Traceback (most recent call last):\n  File "<string>", line 9, in ask\n' +
      'ConnectionError: the archive did not answer\n';
    const error = exception('org.apache.spark.api.python.PythonException', trace);
    const story = new Story().executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '1' }, error).task(0, 0, { executor: '1' }).jobEnd(0);
    expect(findings(story)[0]!.explanation).toMatch(
      /^This cell succeeded, but 1 task attempt failed and had to be tried again \(ConnectionError: the archive did not answer\)\./
    );
  });

  it('in stages of old Sparks, that do not name partitions, is counted all the same', () => {
    const story = missing('1');
    const old = story.observations.map(one =>
      one.kind === 'event'
        ? {
            ...one,
            event: JSON.parse(
              JSON.stringify(one.event).replace(/"Partition ID":\d+,/, '')
            ) as unknown
          }
        : one
    );
    expect(diagnose(old).findings()[0]).toMatchObject({
      id: 'shuffle-fetch-failed:cell:3:abc',
      cost: { taskMs: 3000, recomputedTasks: 2 }
    });
  });
});
