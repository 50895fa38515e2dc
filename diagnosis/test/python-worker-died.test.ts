import { describe, expect, it } from '@jest/globals';
import { cgroup, diagnose } from './recorded-runs.js';
import { exception, lost, pythonCrash, Story } from './story.js';
import { CELL, KUBERNETES, findings, ids } from './incident-stories.js';

describe('Python workers that die', () => {
  function crashing(conf: Record<string, string> = KUBERNETES): Story {
    const story = new Story(conf).executor('1', '2').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '1' }, pythonCrash);
    return story.task(0, 0, { executor: '1' }).stageEnd(0, 1).jobEnd(0);
  }

  it('probably ran out of memory; certainly if the cgroup counted a kill and the executor is alive', () => {
    const story = crashing();
    expect(ids(story)).toEqual(['python-worker-died:cell:3:abc likely']);
    const [finding] = findings(story, [cgroup('1', story.now, 1, 812, 420)]);
    expect(finding).toMatchObject({ confidence: 'certain', severity: 'warning' });
    expect(finding!.explanation).toMatch(
      /^This cell succeeded, but the Linux OOM killer killed the Python workers of 1 task attempt on executor 1 \(executor limit 812 MiB, .*Python workers used 420 MiB\)/
    );
    // 512 + 384 + 1.5 × 420 = 1526 MiB: 1536 MiB, of which 1024 MiB outside the heap.
    expect(finding!.advice).toEqual([
      expect.objectContaining({ action: 'resize', shape: { executorOverheadMiB: 1024 } })
    ]);
  });

  it('did not run out of memory if the counter, read afterwards, shows no kill', () => {
    const story = crashing();
    const [finding] = findings(story, [cgroup('1', story.now, 0, 812, 420)]);
    expect(finding).toMatchObject({
      id: 'python-worker-died:cell:3:abc',
      confidence: 'certain',
      title: 'Python workers died on executor 1, not for lack of memory',
      advice: [{ action: 'set' }]
    });
    expect(finding!.explanation).toContain('no OOM kill was counted there');
    expect(finding!.advice[0]!.sentence).toContain('More memory will not help');
    expect(finding!.evidence.map(({ quote }) => quote)).toContain('oom_kill 0');
    // A cgroup shared by all executors shows it as well.
    expect(findings(story, [cgroup('*', story.now, 0)])[0]).toMatchObject({
      confidence: 'certain'
    });
  });

  it('may have run out of memory if the counter was read before they died, or not for all of them', () => {
    const story = crashing();
    const early = cgroup('1', story.now - 5_000, 0, 812, 420);
    expect(findings(story, [early])[0]).toMatchObject({ confidence: 'likely' });
    const two = new Story(KUBERNETES).executor('1', '2').job(0, CELL, [0, 2]).stage(0, 2);
    two.task(0, 0, { executor: '1' }, pythonCrash).task(0, 1, { executor: '2' }, pythonCrash);
    const [finding] = findings(two, [cgroup('1', two.now, 0)]);
    expect(finding).toMatchObject({ confidence: 'likely' });
    expect(finding!.title).toContain('probably for lack of memory');
  });

  it('do not make a later SIGKILL of their executor an OOM kill', () => {
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

  it('reached their own limit if Python raised MemoryError under spark.executor.pyspark.memory', () => {
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
