import { describe, expect, it } from '@jest/globals';
import { type Observation } from '../src/index.js';
import { Story } from './story.js';
import { CELL, type More, findings, ids } from './stories-with-evidence.js';

describe('a broadcast', () => {
  const ended = (error: string): Story => {
    const story = new Story().executor('1');
    story.event('SparkListenerJobStart', {
      'Job ID': 0,
      'Submission Time': story.now,
      'Stage Infos': [{ 'Stage ID': 0, 'Number of Tasks': 1 }],
      Properties: { 'spark.job.tags': CELL, 'spark.sql.execution.id': '4' }
    });
    story.task(0, 0, { executor: '1' }).jobEnd(0);
    return story.event('org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd', {
      executionId: 4,
      time: story.now,
      errorMessage: error
    });
  };
  const LARGE = 'Cannot broadcast the table that is larger than 8.0 GiB: 9.1 GiB.';

  it('that is too large is reported for the query that failed, with its cell and sizes', () => {
    const [finding, ...others] = findings(ended(LARGE));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'broadcast-too-large:cell:3:abc',
      severity: 'error',
      title: 'A table of 9.1 GiB is too large to broadcast',
      advice: [{ action: 'set', conf: { 'spark.sql.autoBroadcastJoinThreshold': '-1' } }]
    });
    expect(ids(ended(''))).toEqual([]);
  });

  it('that timed out is reported with its duration and the advised timeout', () => {
    const words =
      'Could not execute broadcast in 300 secs. You can increase the timeout for broadcasts via spark.sql.broadcastTimeout or disable broadcast join';
    expect(findings(ended(words))[0]).toMatchObject({
      title: 'A broadcast timed out after 5 min',
      advice: [{}, { conf: { 'spark.sql.broadcastTimeout': '600' } }]
    });
  });

  it("is one incident, although the driver's log and the client report it, too", () => {
    const log: More = ['stderr', `26/11/20 23:41:05 ERROR BroadcastExchangeExec: ${LARGE}`];
    const error = { name: 'SparkException', message: LARGE };
    const cell: Observation = { kind: 'cell', cell: 'abc', run: 3, outcome: 'error', at: 5, error };
    expect(ids(ended(LARGE), log, cell)).toEqual(['broadcast-too-large:cell:3:abc error certain']);
    expect(ids(new Story(), log)).toEqual(['broadcast-too-large:application error certain']);
    expect(ids(new Story(), cell)).toEqual(['broadcast-too-large:cell:3:abc error certain']);
  });
});
