import { Diagnosis, type Observation } from '@aglais/diagnosis';
import { Cluster, type ProcessUsage } from '@aglais/protocol';
import { describe, expect, it } from '@jest/globals';
import { clusterView, viewOfOthers } from '../src/clusters/cluster-view.js';
import { memoryLine } from '../src/clusters/memory-chart.js';
import { LOCAL, row } from './support/rows.js';

const MIB = 2 ** 20;

/** Two executors, of which one is lost; a cached table of two partitions, of which one is in memory. */
function working(): Diagnosis {
  const diagnosis = new Diagnosis();
  let line = 0;
  const event = (name: string, fields: object): void =>
    diagnosis.observe({
      kind: 'event',
      event: { Event: `SparkListener${name}`, ...fields },
      ref: `live:${(line += 1)}`
    });
  for (const id of ['0', '1']) {
    const info = { Host: 'h', 'Total Cores': 2 };
    event('ExecutorAdded', { Timestamp: 1000, 'Executor ID': id, 'Executor Info': info });
  }
  const level = { 'Use Memory': true, 'Use Disk': false, Deserialized: true, Replication: 1 };
  event('StageSubmitted', {
    'Stage Info': {
      'Stage ID': 1,
      'Stage Attempt ID': 0,
      'Number of Tasks': 2,
      'Submission Time': 1000,
      'RDD Info': [
        { 'RDD ID': 7, Name: 'stars', 'Storage Level': level, 'Number of Partitions': 2 }
      ]
    }
  });
  event('BlockUpdated', {
    'Block Updated Info': {
      'Block Manager ID': { 'Executor ID': '0', Host: 'h', Port: 1 },
      'Block ID': 'rdd_7_0',
      'Storage Level': level,
      'Memory Size': 100 * MIB,
      'Disk Size': 0
    }
  });
  event('ExecutorRemoved', { Timestamp: 9000, 'Executor ID': '1', 'Removed Reason': 'idle' });
  for (const [executor, at, rssMiB] of [
    ['0', 2000, 300],
    ['0', 4000, 500.4],
    ['1', 2000, 300],
    ['1', 3000, 310]
  ] as const) {
    const sample: Observation = {
      kind: 'memory',
      who: { executor },
      at,
      rssMiB,
      limitMiB: 1000,
      pythonMiB: null,
      heapUsedMiB: null,
      heapLimitMiB: null
    };
    diagnosis.observe(sample);
  }
  return diagnosis;
}

describe('The view of a cluster', () => {
  it('has its cached tables and the memory of live processes over time', () => {
    const view = clusterView(row({ state: 'ready' }), null, working(), 60_000, 1, LOCAL);
    expect(Cluster.parse(view)).toEqual(view);
    expect(view.tables).toMatchObject([{ rdd: 7, partitions: 2, now: { partitions: 1 } }]);
    expect(view.memory).toEqual([{ who: '0', from: 2000, stepMs: 1000, usedMiB: [300, 300, 500] }]);
  });

  it('has none of that once it has stopped', () => {
    const view = clusterView(row({ state: 'stopped' }), null, working(), 60_000, 1, LOCAL);
    expect([view.tables, view.memory]).toEqual([[], []]);
  });
});

describe('The Jupyter Server of a cluster', () => {
  const view = (jupyter_server: string | null) =>
    clusterView(row({ jupyter_server }), null, null, 60_000, 1, LOCAL);

  it('is shown, so that a page knows which notebook a path names', () => {
    expect(view(null).jupyterServer).toBeNull();
    expect(view('laptop-1:8888').jupyterServer).toBe('laptop-1:8888');
  });

  it('is taken from the row, even if another server reconciles the cluster', () => {
    expect(viewOfOthers(view('laptop-1:8888'), view(null)).jupyterServer).toBe('laptop-1:8888');
  });
});

describe('A memory chart', () => {
  const usage = (...points: [at: number, used: number | null, jvm?: number][]): ProcessUsage => {
    const peak = working().usage()[0]!.peak;
    const series = points.map(([at, usedMiB, jvmMiB]) => ({
      ...peak,
      at,
      usedMiB,
      jvmMiB: jvmMiB ?? null,
      pythonMiB: jvmMiB === undefined ? null : 50
    }));
    return { ...working().usage()[0]!, who: '1', stepMs: 1000, series };
  };

  it('has at most sixty points, each the maximum of its step', () => {
    const points = Array.from({ length: 120 }, (_, i): [number, number] => [i * 1000, i]);
    const line = memoryLine(usage(...points))!;
    expect(line).toMatchObject({ from: 0, stepMs: 2000 });
    expect(line.usedMiB).toHaveLength(60);
    expect(line.usedMiB.slice(0, 3)).toEqual([1, 3, 5]);
    expect(line.usedMiB.at(-1)).toBe(119);
  });

  it("uses Spark's measurements of the process tree without samples", () => {
    expect(memoryLine(usage([0, null, 400], [1000, null, 410]))!.usedMiB).toEqual([450, 460]);
  });

  it('is drawn through two missing samples, and has a gap if more are missing', () => {
    const samples = (...seconds: number[]) =>
      seconds.map((second): [number, number] => [second * 1000, 100]);
    expect(memoryLine(usage(...samples(0, 3)))!.usedMiB).toEqual([100, 100, 100, 100]);
    expect(memoryLine(usage(...samples(0, 4)))!.usedMiB).toEqual([100, 100, 100, null, 100]);
  });

  it('is empty without any data', () => {
    expect(memoryLine(usage())).toBeNull();
    expect(memoryLine(usage([0, null]))).toBeNull();
  });
});
