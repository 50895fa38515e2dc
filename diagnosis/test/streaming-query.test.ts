import { describe, expect, it } from '@jest/globals';
import { pythonCrash } from './story.js';
import { WorkStory } from './work-story.js';
import { findings, ids } from './story-findings.js';

describe('a streaming query', () => {
  const QUERY = '6f1f0c2e-0000-4000-8000-000000000001';
  /** A number of batches with three partitions, one of which is larger. */
  function stream(batches: number, work: (batch: number) => number): WorkStory {
    const story = new WorkStory().with('1', '2');
    for (let batch = 0; batch < batches; batch += 1) {
      const small = { ms: 1000, shuffleReadMiB: 5, records: 1e5 };
      const long = { ms: work(batch), shuffleReadMiB: 40, records: 1e6 };
      const properties = {
        'spark.sql.execution.id': String(batch),
        'sql.streaming.queryId': QUERY,
        'streaming.sql.batchId': String(batch)
      };
      story.event('SparkListenerJobStart', {
        'Job ID': batch,
        'Submission Time': story.now,
        'Stage Infos': [{ 'Stage ID': batch, 'Number of Tasks': 3 }],
        Properties: properties
      });
      story.stageOf(batch, [small, small, long], { properties });
      story.jobEnd(batch).wait(5000);
    }
    return story;
  }

  it('with a skewed key is one finding, not one per batch', () => {
    const [finding, ...others] = findings(stream(30, () => 6000).end());
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ id: `skew:stream:${QUERY}`, count: 30 });
  });

  it('with one slow batch in a thousand is healthy', () => {
    expect(ids(stream(1000, batch => (batch === 500 ? 6000 : 1000)).end())).toEqual([]);
  });

  it('has neither failed nor succeeded between two batches', () => {
    const story = stream(3, () => 1000);
    story.event('SparkListenerJobStart', {
      'Job ID': 4,
      'Submission Time': story.now,
      'Stage Infos': [{ 'Stage ID': 4, 'Number of Tasks': 1 }],
      Properties: { 'spark.sql.execution.id': '4', 'sql.streaming.queryId': QUERY }
    });
    story.stage(4, 1).task(4, 0, { executor: '1' }, pythonCrash).task(4, 0, { executor: '1' });
    story.stageEnd(4, 1).jobEnd(4);
    expect(findings(story)[0]!.explanation).toMatch(/^The Python workers of 1 task attempt/);
  });
});
