import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openCgroups } from '../src/launchers/local/cgroups.js';
import { createHash } from 'node:crypto';
import { clusterProcesses, endAll } from './support/processes.js';
import {
  eventually,
  PATIENCE_MS,
  serve,
  SMALL,
  sparkHome,
  temporaryDirectory,
  type TestServer
} from './support/server.js';

const TWICE = 2 * PATIENCE_MS;

describe('Clusters', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let server: TestServer | null = null;
  const clusters = () => join(directory.path, 'state', 'clusters');
  const processes = async (cluster?: string) =>
    (await clusterProcesses(clusters())).filter(
      p => cluster === undefined || p.cluster === cluster
    );
  const driver = async (cluster: string) => {
    const found = (await processes(cluster)).filter(({ role }) => role === 'driver');
    expect(found).toHaveLength(1);
    return found[0]!;
  };
  const open = async (more: Record<string, string> = {}) =>
    (server = await serve(directory.path, more));
  const close = async () => {
    await server?.close();
    server = null;
  };

  beforeEach(() => {
    directory = temporaryDirectory();
  });
  afterEach(async () => {
    await close();
    const left = await endAll(clusters());
    directory.remove();
    expect(left.map(({ command }) => command)).toEqual([]);
  }, PATIENCE_MS);

  it(
    'are independent for two notebooks: when one ends or is killed, the other is not affected',
    async () => {
      const { user } = await open();
      const [a, b] = await Promise.all([user.request('a'), user.request('b')]);
      await Promise.all([user.until(a.id, 'ready'), user.until(b.id, 'ready')]);
      const [endpointA, endpointB] = await Promise.all([user.endpoint(a.id), user.endpoint(b.id)]);
      const [driverA, driverB] = await Promise.all([driver(a.id), driver(b.id)]);
      expect(endpointA.url).not.toBe(endpointB.url);
      expect(endpointA.token).not.toBe(endpointB.token);
      expect(driverA.pid).not.toBe(driverB.pid);

      process.kill(driverA.pid, 'SIGKILL');
      const failed = await user.until(a.id, 'failed');
      expect(failed.reason).toMatch(/was killed \(signal 9\).*variables are kept/);
      await eventually(
        'the end of its executors',
        async () => (await processes(a.id)).length === 0
      );

      // The Jupyter Server first has the kernel of b, and then no longer.
      await user.put('/jupyter-servers/s/kernels', { kernels: [{ id: 'b', notebook: 'b.ipynb' }] });
      await sleep(1_500);
      expect(await driver(b.id)).toMatchObject({ pid: driverB.pid, start: driverB.start });
      expect(await user.endpoint(b.id)).toEqual(endpointB);
      expect((await user.cluster(b.id)).state).toBe('ready');

      await user.put('/jupyter-servers/other/kernels', { kernels: [] });
      expect((await user.cluster(b.id)).state).toBe('ready');
      await user.put('/jupyter-servers/s/kernels', { kernels: [] });
      const stopped = await user.until(b.id, 'stopped');
      expect(stopped.reason).toMatch(/kernel of its notebook ended/);
      expect(await processes()).toEqual([]);
    },
    TWICE
  );

  it(
    'stop with a kernel that ended before it was reported together with its cluster',
    async () => {
      const { user } = await open();
      const report = (kernels: { id: string; notebook: string }[]) =>
        user.put('/jupyter-servers/s/kernels', { kernels });
      await report([{ id: 'a', notebook: 'a.ipynb' }]);
      const { id } = await user.request('a');
      await report([]);
      const stopped = await user.until(id, 'stopped');
      expect(stopped.reason).toMatch(/kernel of its notebook ended/);
      expect(await processes()).toEqual([]);
    },
    TWICE
  );

  it(
    'are replaced by a restart, with the new shape and for the same kernel',
    async () => {
      const { user } = await open();
      const old = await user.request('a');
      await user.until(old.id, 'ready');
      const { pid } = await driver(old.id);
      const shape = { ...SMALL, driverMemoryMiB: 640 };
      const { status, body } = await user.post<typeof old>(`/clusters/${old.id}/restart`, {
        shape
      });
      expect(status).toBe(201);
      expect(body).toMatchObject({ kernel: 'a', notebook: 'a.ipynb', shape });
      expect(body.id).not.toBe(old.id);
      expect(await user.cluster(old.id)).toMatchObject({
        state: 'stopped',
        reason: 'Spark was restarted by you.'
      });
      await user.until(body.id, 'ready');
      expect((await driver(body.id)).pid).not.toBe(pid);
      expect((await user.request('a')).id).toBe(body.id);
    },
    TWICE
  );

  it(
    'are stopped when idle, but not while a cell is running',
    async () => {
      const { user } = await open({ AGLAIS_IDLE_MINUTES: '0.02' });
      const { id } = await user.request('a');
      // The cell that requested Spark started before it is ready.
      const cell = { cell: 'c', run: 1, at: Date.now() };
      await user.post(`/clusters/${id}/cell-runs`, { ...cell, outcome: 'running' });
      await user.until(id, 'ready');
      await sleep(4_000);
      expect((await user.cluster(id)).state).toBe('ready');
      await user.post(`/clusters/${id}/cell-runs`, { ...cell, outcome: 'ok', at: Date.now() });
      const stopped = await user.until(id, 'stopped');
      expect(stopped.reason).toMatch(/nothing used it for 1 second\..*cached tables are gone/);
      expect(await processes()).toEqual([]);
    },
    TWICE
  );

  it(
    'stop with the server, even during a restart, and nothing is left',
    async () => {
      const { user } = await open();
      const old = await user.request('a');
      await user.until(old.id, 'ready');
      const restarted = user.post(`/clusters/${old.id}/restart`, {}).catch(() => null);
      await eventually('its stop', async () => (await user.cluster(old.id)).state === 'stopping');
      await close();
      await restarted;
      await sleep(1_000);
      expect(await processes()).toEqual([]);
      const state = join(directory.path, 'state');
      const name = `aglais-${createHash('sha256').update(state).digest('hex').slice(0, 8)}`;
      const cgroup = await openCgroups(`${name}-probe`);
      if (cgroup) expect(existsSync(cgroup.replace(/-probe$/, ''))).toBe(false);
      if (cgroup) await (await import('node:fs/promises')).rmdir(cgroup);
      for (const id of readdirSync(clusters())) {
        expect(existsSync(join(sparkHome, 'work', `app-${id}`))).toBe(false);
        expect(existsSync(join(clusters(), id, 'scratch'))).toBe(false);
      }
    },
    TWICE
  );
});
