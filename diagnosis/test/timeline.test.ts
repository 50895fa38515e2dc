import { Resources } from '@aglais/protocol';
import { describe, expect, it } from '@jest/globals';
import { diagnose } from './recorded-runs.js';
import { lost } from './story.js';
import { tasks, WorkStory } from './work-story.js';

describe('the timeline', () => {
  it('has jobs, stages and executors with their kills', () => {
    const story = new WorkStory().with('1', '2');
    story.jobOf('aglais-cell:1:abc', tasks(3, { ms: 1000 }), { name: 'count at x.py:1' });
    story.job(9, 'aglais-cell:2:abc', [9, 1]).stage(9, 1);
    const end = story.start(9, 0, { executor: '1' });
    story.removed('1', 'Command exited with code 137');
    end(lost('1', 'Command exited with code 137'));
    story.removed('2', 'Executor killed by driver.');
    const resources = diagnose(story.observations).resources();
    expect(Resources.parse(resources)).toEqual(resources);
    expect(resources.timeline).toMatchObject({
      jobs: [
        {
          id: 1,
          scope: 'cell:1:abc',
          startedAt: 1_000_000,
          endedAt: 1_001_000,
          result: 'succeeded'
        },
        { id: 9, scope: 'cell:2:abc', endedAt: null, result: 'running' }
      ],
      stages: [
        { id: 1, name: 'count at x.py:1', tasks: 3, failed: false },
        { id: 9, endedAt: null }
      ],
      executors: [
        { id: '1', killed: true, reason: 'Command exited with code 137' },
        { id: '2', killed: false, reason: 'Executor killed by driver.' }
      ],
      omitted: { jobs: 0, stages: 0 }
    });
  });

  it('of a long application keeps what failed, the longest and the latest, and counts the others', () => {
    const story = new WorkStory().with('1');
    const count = 2500;
    for (let job = 1; job <= count; job += 1) {
      story.job(job, null, [job, 1]).stage(job, 1);
      story.wait(job === 40 ? 90_000 : 10);
      story.stageEnd(job, 1).jobEnd(job, job === 70 ? 'it broke' : undefined);
    }
    const diagnosis = diagnose(story.observations);
    const { jobs, omitted } = diagnosis.resources().timeline;
    const ids = jobs.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining([40, 70, 2400, 2500]));
    expect(jobs.length + omitted.jobs).toBe(count);
    expect(ids.length).toBeLessThanOrEqual(300);
    expect(diagnosis.memoryHeld.history).toBeLessThanOrEqual(2 * (300 + 500));
  });
});
