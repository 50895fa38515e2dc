import { describe, expect, it } from '@jest/globals';
import { Diagnosis } from '../src/index.js';
import { cgroup, eventsOf, smallCorpus } from './recorded-runs.js';
import { lost, Story } from './story.js';

const CELL = 'aglais-cell:3:abc';

/** Feeds the new events of the story. */
function follower(story: Story): {
  diagnosis: Diagnosis;
  catchUp: () => ReturnType<Diagnosis['drainChanges']>;
} {
  const diagnosis = new Diagnosis();
  let told = 0;
  const catchUp = (): ReturnType<Diagnosis['drainChanges']> => {
    for (const observation of story.observations.slice(told)) diagnosis.observe(observation);
    told = story.observations.length;
    return diagnosis.drainChanges();
  };
  return { diagnosis, catchUp };
}

describe('while an application runs', () => {
  it('a killed executor is reported immediately, its effects and cost as they arrive, under the same id', () => {
    const story = new Story().executor('1', '2');
    story.observations.push({
      kind: 'cell',
      cell: 'abc',
      run: 3,
      outcome: 'running',
      at: story.now
    });
    story.job(0, CELL, [0, 2]).stage(0, 2);
    const { diagnosis, catchUp } = follower(story);
    const id = 'executor-oom-killed:cell:3:abc';

    const doomed = story.start(0, 0, { executor: '1', ms: 4000 });
    expect(catchUp().findings).toEqual({ changed: [], withdrawn: [] });

    doomed(lost('1', 'Command exited with code 137'));
    expect(catchUp().findings).toEqual({ changed: [id], withdrawn: [] });
    expect(diagnosis.findings()[0]).toMatchObject({
      confidence: 'likely',
      severity: 'warning',
      cost: { recomputedTasks: 0 }
    });
    // Neutral while the cell is running.
    expect(diagnosis.findings()[0]!.explanation).toMatch(/^Executor 1 was killed/);

    story.removed('1', 'Command exited with code 137');
    story.observations.push(cgroup('1', story.now, 1));
    expect(catchUp().findings.changed).toEqual([id]);
    expect(diagnosis.findings()[0]!.confidence).toBe('certain');

    const again = story.start(0, 0, { executor: '2' });
    catchUp();
    expect(diagnosis.findings()[0]!.cost!.recomputedTasks).toBe(1);

    again().stageEnd(0, 2).jobEnd(0);
    catchUp();
    story.observations.push({ kind: 'cell', cell: 'abc', run: 3, outcome: 'ok', at: story.now });
    expect(catchUp().findings.changed).toEqual([id]);
    expect(diagnosis.findings()[0]!.explanation).toMatch(
      /^This cell succeeded, but executor 1 was killed by the Linux OOM killer/
    );
    expect(catchUp()).toEqual({
      cells: [],
      findings: { changed: [], withdrawn: [] },
      resources: false,
      memory: false
    });
  });

  it('a finding that later evidence contradicts is replaced by the correct one', () => {
    const story = new Story().executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '1' }, lost('1', 'Command exited with code 137'));
    story.removed('1', 'Command exited with code 137');
    const { catchUp } = follower(story);
    catchUp();
    story.observations.push(cgroup('1', story.now + 5, 0));
    expect(catchUp().findings).toEqual({
      changed: ['executor-lost:cell:3:abc'],
      withdrawn: ['executor-oom-killed:cell:3:abc']
    });
  });

  it('the progress of a cell counts each task once, and none of skipped stages', () => {
    const story = new Story().executor('1', '2').job(0, CELL, [0, 50], [1, 3]);
    const { diagnosis, catchUp } = follower(story);
    expect(catchUp().cells).toEqual([{ cell: 'abc', run: 3 }]);
    expect(diagnosis.progress('abc', 3).tasks.total).toBe(53);

    story.stage(1, 3, 0, [0]).task(1, 0, { executor: '1' });
    const running = story.start(1, 1, { executor: '1' });
    catchUp();
    expect(diagnosis.progress('abc', 3)).toEqual({
      jobs: { total: 1, done: 0, failed: 0 },
      tasks: { total: 3, running: 1, done: 1, failed: 0 },
      stages: [
        {
          id: 1,
          attempt: 0,
          name: 'stage 1',
          state: 'running',
          tasks: { total: 3, running: 1, done: 1, failed: 0 },
          startedAt: 1_000_000,
          endedAt: null
        }
      ]
    });
    expect(diagnosis.runningStages()).toHaveLength(1);

    running(lost('1', 'Command exited with code 143'));
    story.task(1, 1, { executor: '2' }).task(1, 2, { executor: '2' }).stageEnd(1, 3).jobEnd(0);
    catchUp();
    expect(diagnosis.progress('abc', 3)).toMatchObject({
      jobs: { total: 1, done: 1, failed: 0 },
      tasks: { total: 3, running: 0, done: 3, failed: 1 },
      stages: [{ id: 1, state: 'done' }]
    });
    expect(diagnosis.runningStages()).toEqual([]);
  });

  it('executors show their tasks and memory, and why they were lost', () => {
    const story = new Story({ 'spark.executor.memory': '512m' }).executor('1', '2');
    story.job(0, CELL, [0, 2]).stage(0, 2).task(0, 0, { executor: '1' });
    story.start(0, 1, { executor: '1' });
    story.removed('2', 'Executor killed by driver.');
    const { diagnosis, catchUp } = follower(story);
    story.observations.push({
      kind: 'memory',
      who: { executor: '1' },
      at: story.now,
      limitMiB: 1434,
      rssMiB: 900,
      pythonMiB: 400,
      heapUsedMiB: null,
      heapLimitMiB: 512
    });
    expect(catchUp().resources).toBe(true);
    expect(diagnosis.executors()).toEqual([
      {
        id: '1',
        host: 'host',
        state: 'active',
        cores: 2,
        runningTasks: 1,
        doneTasks: 1,
        failedTasks: 0,
        addedAt: 1_000_000,
        removedAt: null,
        removedReason: null,
        memory: {
          limitMiB: 1434,
          usedMiB: 900,
          heapLimitMiB: 512,
          heapUsedMiB: null,
          pythonMiB: 400
        }
      },
      expect.objectContaining({
        id: '2',
        state: 'lost',
        removedReason: 'Executor killed by driver.'
      })
    ]);
  });

  it('a long application keeps nothing of successful work', () => {
    const story = new Story().executor('1');
    for (let job = 0; job < 300; job += 1) {
      story.job(job, null, [job, 20]).stage(job, 20);
      for (let task = 0; task < 20; task += 1) story.task(job, task, { executor: '1' });
      story.stageEnd(job, 20).jobEnd(job);
    }
    const { diagnosis, catchUp } = follower(story);
    catchUp();
    const { history, ...held } = diagnosis.memoryHeld;
    expect(held).toEqual({
      jobs: 0,
      stages: 0,
      tasks: 0,
      scopes: 1,
      lostWork: 0,
      slow: 0,
      tables: 0
    });
    // The timeline keeps the latest and longest, and counts the others.
    expect(history).toBeLessThanOrEqual(600);
  });

  it('every event of a recorded run may be delivered alone', () => {
    for (const { path } of smallCorpus) {
      const diagnosis = new Diagnosis();
      const changed = new Set<string>();
      for (const observation of eventsOf(path)) {
        diagnosis.observe(observation);
        const { findings } = diagnosis.drainChanges();
        for (const id of findings.changed) changed.add(id);
        for (const id of findings.withdrawn) changed.delete(id);
      }
      expect([...changed].sort()).toEqual(
        diagnosis
          .findings()
          .map(({ id }) => id)
          .sort()
      );
    }
  });
});
