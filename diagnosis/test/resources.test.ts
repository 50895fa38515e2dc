import { Resources } from '@aglais/protocol';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Histogram } from '../src/application/histogram.js';
import { MemoryFacts } from '../src/application/memory-facts.js';
import { MemorySeries } from '../src/application/memory-series.js';
import { NOT_MEASURED } from '../src/eventlog/task-metrics.js';
import { Diagnosis } from '../src/index.js';
import { diagnose } from './evidence.js';
import { lost } from './story.js';
import { tasks, WorkStory } from './work.js';

const MIB = 2 ** 20;

describe('memory', () => {
  it('of an executor shows the heap of the newest heartbeat beside what was sampled from outside', () => {
    const story = new WorkStory({ 'spark.executor.memory': '512m' }).with('1');
    story.heartbeat('1', 300).heartbeat('1', 120).heartbeat('driver', 80);
    story.observations.push({
      kind: 'memory',
      who: { executor: '1' },
      at: story.now + 5000,
      limitMiB: 1434,
      rssMiB: 900,
      pythonMiB: 400,
      heapUsedMiB: null,
      heapLimitMiB: null
    });
    const diagnosis = diagnose(story.observations);
    expect(diagnosis.executors()[0]!.memory).toEqual({
      limitMiB: 1434,
      usedMiB: 900,
      heapLimitMiB: 512,
      heapUsedMiB: 120,
      pythonMiB: 400
    });
    expect(diagnosis.driverMemory().heapUsedMiB).toBe(80);
  });

  it('has the limit that is in force, also when it was raised after a kill', () => {
    const story = new WorkStory().with('1');
    const at = story.now;
    const sample = {
      kind: 'memory',
      who: { executor: '1' },
      rssMiB: 400,
      pythonMiB: null
    } as const;
    story.observations.push(
      {
        kind: 'cgroup',
        executor: '1',
        at,
        oomKills: 1,
        limitMiB: 896,
        peakMiB: 896,
        quote: 'oom_kill 1',
        ref: 'memory.oom_control'
      },
      {
        ...sample,
        at: at + 1000,
        limitMiB: 2048,
        heapUsedMiB: null,
        heapLimitMiB: null,
        passing: true
      }
    );
    const { memory } = diagnose(story.observations).executors()[0]!;
    expect(memory).toMatchObject({ limitMiB: 2048, usedMiB: 400 });
  });

  it('of Python workers is the reason only where what was seen comes near the limit', () => {
    const facts = new MemoryFacts();
    expect(facts.pythonAtLimit(896)).toBeNull();
    facts.addMeasuredAt(1, { ...NOT_MEASURED, heapMiB: 90, jvmMiB: 300, pythonMiB: 87 });
    expect(facts.pythonAtLimit(896)).toBeNull();
    facts.addMeasured({ pythonMiB: 560 });
    expect(facts.pythonAtLimit(896)).toBe(560);
  });

  it('that a heartbeat tells is a change to show', () => {
    const story = new WorkStory().with('1');
    const diagnosis = diagnose(story.observations);
    diagnosis.drainChanges();
    for (const one of story.heartbeat('1', 300).observations.slice(-1)) diagnosis.observe(one);
    expect(diagnosis.drainChanges()).toMatchObject({ memory: true, resources: false });
  });

  it('is followed over time in all its parts', () => {
    const story = new WorkStory().with('1');
    story.event('SparkListenerBlockManagerAdded', {
      'Block Manager ID': { 'Executor ID': '1', Host: 'host', Port: 1 },
      'Maximum Memory': 434 * MIB,
      Timestamp: story.now
    });
    story.heartbeat('1', 300, {
      JVMOffHeapMemory: 50 * MIB,
      OnHeapExecutionMemory: 20 * MIB,
      OffHeapExecutionMemory: 10 * MIB,
      OnHeapStorageMemory: 5 * MIB,
      ProcessTreeJVMRSSMemory: 600 * MIB,
      ProcessTreePythonRSSMemory: 200 * MIB,
      ProcessTreeOtherRSSMemory: 3 * MIB,
      MinorGCTime: 700,
      MajorGCTime: 30
    });
    story.jobOf(null, tasks(2, { ms: 4000, gcMs: 100, shuffleReadMiB: 10, spilledMiB: 4 }));
    const usage = diagnose(story.observations).resources().usage[1]!;
    expect(usage).toMatchObject({
      who: '1',
      unifiedMiB: 434,
      series: [
        {
          at: 1_000_000,
          usedMiB: null,
          heapMiB: 300,
          offHeapMiB: 50,
          executionMiB: 30,
          storageMiB: 5,
          jvmMiB: 600,
          pythonMiB: 200,
          otherMiB: 3,
          gcMs: 730
        }
      ],
      work: { runMs: 8000, gcMs: 200, shuffleReadMiB: 20, spilledMiB: 4 }
    });
  });

  it('takes no more room for a year than for a minute, in whatever order it comes', () => {
    const point = fc.record({
      at: fc.integer({ min: 1, max: 3e10 }),
      heapMiB: fc.integer({ min: 1, max: 4000 })
    });
    const points = fc.array(point, { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(points, fc.infiniteStream(fc.nat()), (all, random) => {
        const one = new MemorySeries();
        for (const { at, heapMiB } of all) one.add(at, { heapMiB });
        const other = new MemorySeries();
        const order = all.map(each => ({ each, by: random.next().value }));
        for (const { each } of order.sort((a, b) => a.by - b.by)) other.add(each.at, each);
        expect(other.points).toEqual(one.points);
        expect(one.points.length).toBeLessThanOrEqual(120);
        const most = Math.max(...all.map(({ heapMiB }) => heapMiB));
        expect(Math.max(...one.points.map(({ heapMiB }) => heapMiB!))).toBe(most);
      })
    );
  });
});

describe('the distribution of values', () => {
  it('has its quantiles within 2.2 %, in any order of adding', () => {
    const values = fc.array(fc.integer({ min: 1, max: 1e12 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
        const one = new Histogram();
        for (const value of all) one.add(value);
        const other = new Histogram();
        for (const value of [...all].reverse()) other.add(value);
        const sorted = [...all].sort((a, b) => a - b);
        const exact = sorted[Math.min(all.length - 1, Math.floor(share * all.length))]!;
        expect(Math.abs(one.quantile(share) / exact - 1)).toBeLessThan(0.022);
        expect(other.quantile(share)).toBe(one.quantile(share));
      })
    );
  });
});

describe('the time line', () => {
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

  it('of a long application keeps what failed, the longest and the newest, and counts the rest', () => {
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

describe('what is held', () => {
  it('does not grow with the number of tasks, stages and measurements that went well', () => {
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
    // The time line has a bound of its own.
    const kept = ({ memoryHeld }: Diagnosis): object => ({ ...memoryHeld, history: 0 });
    expect(kept(many)).toEqual(kept(some));
    expect(many.findings()).toEqual([]);
    const size = (diagnosis: Diagnosis): number => JSON.stringify(diagnosis.resources()).length;
    expect(size(many)).toBeLessThan(1.3 * size(some));
  });
});
