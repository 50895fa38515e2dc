import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { MemoryObservation, Observation } from '@aglais/diagnosis';
import { ExecutorCounters } from '../src/launchers/local/executor-counters.js';
import { MemorySampler } from '../src/launchers/local/memory-sampler.js';
import { temporaryDirectory } from './support/server.js';
import { simulateCluster, type SimulatedCluster } from './support/simulated-cluster.js';

describe('The memory of an idle cluster', () => {
  let place: ReturnType<typeof temporaryDirectory>;
  let cluster: SimulatedCluster;
  let shown: MemoryObservation[];
  let sampler: MemorySampler;

  beforeEach(async () => {
    place = temporaryDirectory();
    cluster = simulateCluster(place.path);
    shown = [];
    const counters = new ExecutorCounters(cluster.source, new AbortController().signal);
    const sink = {
      eventLine: () => {},
      evidenceLine: () => {},
      observe: (one: Observation) => void (one.kind === 'memory' && shown.push(one))
    };
    sampler = new MemorySampler(cluster.driver, cluster.source, counters, sink);
    await sampler.sample(true);
  });
  afterEach(() => {
    cluster.close();
    place.remove();
  });

  const idleSamples = async (count: number) => {
    for (let index = 0; index < count; index += 1) await sampler.sample(false);
  };
  const of = (executor: string) =>
    shown.filter(({ who }) => typeof who === 'object' && who.executor === executor);

  it('is read from the cgroups of its executors, whatever else runs on the machine', () => {
    expect(of('0')).toMatchObject([{ rssMiB: 100, limitMiB: 896 }]);
    expect(shown.filter(({ who }) => who === 'driver')).toHaveLength(1);
    expect(cluster.recorded).toMatchObject([
      { kind: 'memory', who: { executor: '0' } },
      { kind: 'memory', who: { executor: '1' } }
    ]);
  });

  it('is not sampled again while it does not change', async () => {
    const before = shown.length;
    await idleSamples(5);
    expect(shown).toHaveLength(before);
  });

  it('is sampled and its peak recorded as soon as it changes', async () => {
    await idleSamples(3);
    cluster.recorded.length = 0;
    cluster.count('1', { usedMiB: 400 });
    await idleSamples(1);
    expect(of('1').at(-1)).toMatchObject({ rssMiB: 400 });
    expect(cluster.recorded).toMatchObject([
      { kind: 'memory', who: { executor: '1' }, rssMiB: 400 }
    ]);
  });

  it('is a line without gaps: unchanged values are shown for the time in between, too', async () => {
    await idleSamples(3);
    cluster.count('1', { usedMiB: 400 });
    await idleSamples(1);
    expect(of('1').map(({ rssMiB }) => rssMiB)).toEqual([100, 100, 100, 100, 400]);
    const times = of('1').map(({ at }) => at);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it('includes an OOM kill at the next check, once', async () => {
    await idleSamples(2);
    cluster.recorded.length = 0;
    cluster.count('0', { oomKills: 1 });
    await idleSamples(3);
    expect(cluster.recorded).toMatchObject([
      { kind: 'cgroup', executor: '0', oomKills: 1, quote: 'oom_kill 1' }
    ]);
  });
});
