import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { followEvidence } from '../src/launchers/local/local-evidence.js';
import { temporaryDirectory } from './support/server.js';
import { simulateCluster, type SimulatedCluster } from './support/simulated-cluster.js';

const CLUSTERS = 4;
/** Longer than a cluster counts as active after its last event. */
const QUIET_MS = 17_000;
const WINDOW_S = 8;
/** Per cluster and second: a few counters of the kernel. The process table of a machine takes hundreds. */
const READS = 120;

/** Read system calls of this process (proc(5), `syscr`). */
const reads = () => Number(/^syscr: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))![1]);

describe(`${CLUSTERS} idle clusters`, () => {
  const place = temporaryDirectory();
  const abort = new AbortController();
  const clusters: SimulatedCluster[] = [];
  let spawned = 0;
  const count = () => void (spawned += 1);

  beforeAll(() => {
    const share = join(place.path, 'share');
    mkdirSync(share);
    writeFileSync(join(share, 'stars.parquet'), '');
    for (let index = 0; index < CLUSTERS; index += 1) {
      const directory = join(place.path, `cluster-${index}`);
      mkdirSync(directory);
      clusters.push(simulateCluster(directory, share));
    }
  });
  afterAll(() => {
    abort.abort();
    unsubscribe('child_process', count);
    clusters.forEach(cluster => cluster.close());
    place.remove();
  });

  it(
    'are monitored without starting a process, and without reading the process table',
    async () => {
      const sink = { eventLine: () => {}, evidenceLine: () => {}, observe: () => {} };
      const following = clusters.map(({ source }) => followEvidence(source, sink, abort.signal));
      await sleep(QUIET_MS);
      subscribe('child_process', count);
      const before = reads();
      await sleep(WINDOW_S * 1_000);
      const perSecond = (reads() - before) / CLUSTERS / WINDOW_S;
      console.log(`${perSecond.toFixed(1)} reads a second for each idle cluster`);
      expect(spawned).toBe(0);
      expect(perSecond).toBeLessThan(READS);
      expect(perSecond).toBeGreaterThan(1);
      abort.abort();
      await Promise.all(following);
    },
    QUIET_MS + WINDOW_S * 1_000 + 60_000
  );
});
