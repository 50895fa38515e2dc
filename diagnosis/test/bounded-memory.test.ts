import { describe, expect, it } from '@jest/globals';
import { Diagnosis } from '../src/index.js';
import { diagnose } from './recorded-runs.js';
import { tasks, WorkStory } from './work-story.js';

describe('the state of the diagnosis', () => {
  it('does not grow with the number of successful tasks, stages and measurements', () => {
    const held = (jobs: number): Diagnosis => {
      const story = new WorkStory({ 'spark.eventLog.logBlockUpdates.enabled': 'true' });
      story.with('1', '2');
      for (let job = 0; job < jobs; job += 1) {
        const cached = [{ rdd: job, partitions: 20 }];
        const work = tasks(20, { ms: 300, gcMs: 10, inputMiB: 60 }).map((task, partition) => ({
          ...task,
          stores: [{ rdd: job, partition, memoryMiB: 10 }]
        }));
        story.jobOf(null, work, { cached });
        story.event('SparkListenerUnpersistRDD', { 'RDD ID': job });
        story.heartbeat('1', 200 + (job % 50)).heartbeat('driver', 100);
      }
      return diagnose(story.observations);
    };
    const [some, many] = [held(1500), held(4500)];
    // The timeline has its own limit.
    const kept = ({ memoryHeld }: Diagnosis): object => ({ ...memoryHeld, history: 0 });
    expect(kept(many)).toEqual(kept(some));
    expect(many.findings()).toEqual([]);
    const size = (diagnosis: Diagnosis): number => JSON.stringify(diagnosis.resources()).length;
    expect(size(many)).toBeLessThan(1.3 * size(some));
  });
});
