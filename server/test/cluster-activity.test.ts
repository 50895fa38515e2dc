import { beforeEach, describe, expect, it } from '@jest/globals';
import { ClusterActivity } from '../src/launchers/local/cluster-activity.js';

const LOG_START = '{"Event":"SparkListenerLogStart","Spark Version":"4.3.0"}';
const JOB_START = '{"Event":"SparkListenerJobStart","Job ID":7,"Submission Time":1}';
const JOB_END = '{"Event":"SparkListenerJobEnd","Job ID":7,"Completion Time":2}';
const SQL = 'org.apache.spark.sql.execution.ui.SparkListenerSQLExecution';
const HEARTBEAT =
  '{"Event":"SparkListenerExecutorMetricsUpdate","Executor ID":"0","Metrics Updated":[]}';
const cell = (outcome: string) =>
  `{"kind":"cell","cell":"c","run":1,"outcome":"${outcome}","at":1}`;

describe('A cluster', () => {
  let now: number;
  let activity: ClusterActivity;
  const later = () => {
    now += 60_000;
    return activity.isActive;
  };

  beforeEach(() => {
    now = 1_000_000;
    activity = new ClusterActivity(() => now);
  });

  it('is active until it has started, however long that takes', () => {
    expect(later()).toBe(true);
    activity.eventLine(LOG_START);
    expect(activity.isActive).toBe(true);
    expect(later()).toBe(false);
  });

  it('is active from the first event of a job on, and for a moment after its end', () => {
    activity.eventLine(LOG_START);
    expect(later()).toBe(false);
    activity.eventLine(JOB_START);
    expect(activity.isActive).toBe(true);
    expect(later()).toBe(true);
    activity.eventLine(JOB_END);
    expect(activity.isActive).toBe(true);
    expect(later()).toBe(false);
  });

  it('is active while a query without jobs is running', () => {
    activity.eventLine(`{"Event":"${SQL}Start","executionId":3,"description":"x"}`);
    expect(later()).toBe(true);
    activity.eventLine(`{"Event":"${SQL}End","executionId":3,"time":9}`);
    expect(later()).toBe(false);
  });

  it('is active while a cell is running, even one that does not use Spark now', () => {
    activity.eventLine(LOG_START);
    activity.evidenceLine(cell('running'));
    expect(later()).toBe(true);
    activity.evidenceLine(cell('ok'));
    expect(later()).toBe(false);
  });

  it('does not stay active when its kernel died in the middle of a cell', () => {
    activity.eventLine(LOG_START);
    activity.evidenceLine(cell('running'));
    activity.evidenceLine('{"kind":"kernel-died","at":1,"exitCode":-9}');
    expect(later()).toBe(false);
  });

  it("is not active because of heartbeats, or of the server's own records", () => {
    activity.eventLine(LOG_START);
    now += 60_000;
    activity.eventLine(HEARTBEAT);
    activity.evidenceLine('{"kind":"memory","who":"driver","at":1}');
    expect(activity.isActive).toBe(false);
  });
});
