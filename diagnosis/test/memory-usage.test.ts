import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MemoryFacts } from '../src/application/memory-facts.js';
import { MemorySeries } from '../src/application/memory-series.js';
import { NOT_MEASURED } from '../src/eventlog/task-metrics.js';
import { diagnose } from './recorded-runs.js';
import { tasks, WorkStory } from './work-story.js';

const MIB = 2 ** 20;

describe('memory', () => {
  it('of an executor combines the heap of the latest heartbeat with samples from outside', () => {
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

  it('has the limit in effect, also when it was raised after a kill', () => {
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

  it('of Python workers is the reason only if the observed use is near the limit', () => {
    const facts = new MemoryFacts();
    expect(facts.pythonAtLimit(896)).toBeNull();
    facts.addMeasuredAt(1, { ...NOT_MEASURED, heapMiB: 90, jvmMiB: 300, pythonMiB: 87 });
    expect(facts.pythonAtLimit(896)).toBeNull();
    facts.addMeasured({ pythonMiB: 560 });
    expect(facts.pythonAtLimit(896)).toBe(560);
  });

  it('from a heartbeat is a change to publish', () => {
    const story = new WorkStory().with('1');
    const diagnosis = diagnose(story.observations);
    diagnosis.drainChanges();
    for (const one of story.heartbeat('1', 300).observations.slice(-1)) diagnosis.observe(one);
    expect(diagnosis.drainChanges()).toMatchObject({ memory: true, resources: false });
  });

  it('of an idle executor is tracked over time, because live heartbeats have a timestamp', () => {
    const story = new WorkStory().with('1');
    const from = story.now;
    for (let s = 0; s < 60; s += 3) story.heartbeat('1', 100 + s, {}, from + s * 1000);
    const { series } = diagnose(story.observations).resources().usage[1]!;
    expect(series).toHaveLength(20);
    expect(series.at(-1)!.at - series[0]!.at).toBe(57_000);
  });

  it('is tracked over time with all its parts', () => {
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

  it('needs no more space for a year than for a minute, in any order of arrival', () => {
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
