import { describe, expect, it } from '@jest/globals';
import { cgroup } from './recorded-runs.js';
import { Story } from './story.js';
import { findings } from './story-findings.js';

describe('executors that exit as soon as they have started', () => {
  /** A job waits, and this many executors start and exit. */
  function looping(count: number, reason: string): Story {
    const story = new Story({ 'spark.master': 'k8s://h' }).job(0, 'aglais-cell:3:abc', [0, 1]);
    for (let id = 1; id <= count; id += 1) {
      story.executor(String(id)).wait(5000).removed(String(id), reason);
    }
    return story
      .stage(0, 1)
      .wait(40_000)
      .executor('99')
      .removed('99', 'Executor killed by driver.');
  }

  it('are reported with their reason, and fewer executors are not advised', () => {
    const [finding, ...others] = findings(looping(4, 'Command exited with code 1'));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'cluster-pending:cell:3:abc',
      title: 'Executors keep exiting: no task can run',
      severity: 'warning',
      confidence: 'certain',
      advice: [{ hint: 'look-at-executors' }],
      subject: { executors: ['1', '2', '3', '4'] }
    });
    expect(finding!.explanation).toContain('Meanwhile 4 executors exited before they ran a task.');
    expect(finding!.evidence[0]!.quote).toBe('Command exited with code 1');
  });

  it('because of memory are one incident with the work that waits for them', () => {
    const story = looping(4, 'Command exited with code 137');
    const kills = ['1', '2', '3', '4'].map(id => cgroup(id, story.now, 1));
    const [finding, ...others] = findings(story, kills);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'executor-oom-killed:cell:3:abc',
      severity: 'warning',
      count: 4,
      subject: { cell: 'abc', run: 3 }
    });
    expect(finding!.effects.join()).toContain('no task has started');
  });

  it('do not include those that dynamic allocation removes, nor a single one', () => {
    const idle = findings(looping(4, 'Executor killed by driver.'));
    expect(idle).toMatchObject([{ title: 'No executor is available yet: no task can run' }]);
    expect(findings(looping(1, 'Command exited with code 1'))).toMatchObject([
      { code: 'cluster-pending', title: 'No executor is available yet: no task can run' }
    ]);
  });
});
