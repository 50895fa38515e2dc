import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  builtServer,
  environment,
  eventually,
  node,
  temporaryDirectory
} from './support/server.js';
import { simulateCluster, type SimulatedCluster } from './support/simulated-cluster.js';

const CLUSTERS = 4;
/** Longer than a cluster counts as active after its last event. */
const QUIET_MS = 17_000;
const WINDOW_S = 8;
/** Per cluster and second: a few counters of the kernel. The process table of a machine takes hundreds. */
const READS = 120;
/** Of the server's main thread, per second. */
const WAKE_UPS = 30;

it('A server without clusters wakes up rarely', async () => {
  const place = temporaryDirectory();
  const env = { ...process.env, ...environment(place.path) };
  const server = spawn(node, [builtServer], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    for await (const line of createInterface({ input: server.stdout })) {
      if (line.includes('Aglais is ready')) break;
    }
    server.stdout.resume();
    /** Times that it waited for something (proc(5)). */
    const waits = () => {
      const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
      return Number(/^voluntary_ctxt_switches:\s*(\d+)$/m.exec(status)![1]);
    };
    await sleep(2_000);
    const before = waits();
    await sleep(WINDOW_S * 1_000);
    const perSecond = (waits() - before) / WINDOW_S;
    console.log(`${perSecond.toFixed(1)} wake-ups a second`);
    expect(perSecond).toBeLessThan(WAKE_UPS);
    expect(perSecond).toBeGreaterThan(0);
  } finally {
    server.kill('SIGKILL');
    await once(server, 'exit');
    place.remove();
  }
}, 120_000);

describe(`${CLUSTERS} idle clusters`, () => {
  const place = temporaryDirectory();
  const clusters: SimulatedCluster[] = [];
  let monitor: ChildProcess;

  /** Read system calls of the monitor (proc(5), `syscr`). */
  const reads = () =>
    Number(/^syscr: (\d+)$/m.exec(readFileSync(`/proc/${monitor.pid}/io`, 'utf8'))![1]);
  /** Processes that the monitor has started since this was asked last. */
  const started = async (): Promise<number> => {
    monitor.send('started');
    return (await once(monitor, 'message'))[0] as number;
  };

  beforeAll(() => {
    const share = join(place.path, 'share');
    mkdirSync(share);
    writeFileSync(join(share, 'stars.parquet'), '');
    for (let index = 0; index < CLUSTERS; index += 1) {
      const directory = join(place.path, `cluster-${index}`);
      mkdirSync(directory);
      clusters.push(simulateCluster(directory, share));
    }
    const monitored = clusters.map(({ driver, cgroup, source: { directory } }) => {
      return { directory, driver, cgroup, share };
    });
    const program = join(import.meta.dirname, 'support', 'idle-monitor.mjs');
    monitor = fork(program, [JSON.stringify(monitored)]);
  });
  afterAll(() => {
    monitor.kill('SIGKILL');
    clusters.forEach(cluster => cluster.close());
    place.remove();
  });

  it(
    'are monitored without starting a process, and without reading the process table',
    async () => {
      await eventually('the checker of the shares', started);
      await sleep(QUIET_MS);
      await started();
      const before = reads();
      await sleep(WINDOW_S * 1_000);
      const perSecond = (reads() - before) / CLUSTERS / WINDOW_S;
      console.log(`${perSecond.toFixed(1)} reads a second for each idle cluster`);
      expect(await started()).toBe(0);
      expect(perSecond).toBeLessThan(READS);
      expect(perSecond).toBeGreaterThan(1);
    },
    QUIET_MS + WINDOW_S * 1_000 + 60_000
  );
});
