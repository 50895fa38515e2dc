import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runPython } from '../support/connect.js';
import {
  environment,
  eventually,
  PATIENCE_MS,
  SMALL,
  sparkHome,
  temporaryDirectory
} from '../support/server.js';
import { openRoom, type KubernetesRoom } from './testbed-room.js';

/** A folder of this machine can only be mounted where its node is this machine. */
const onThisMachine = process.env.AGLAIS_NODE_CATALOGUES ? describe : describe.skip;

onThisMachine('An event log on a volume', () => {
  const directory = temporaryDirectory();
  const logs = join(directory.path, 'logs');
  const ends: (() => Promise<void>)[] = [];
  let room: KubernetesRoom;

  beforeAll(async () => {
    // Pods have another user.
    mkdirSync(logs);
    for (const path of [directory.path, logs]) chmodSync(path, 0o777);
    room = await openRoom('privileged');
  }, PATIENCE_MS);
  afterAll(async () => {
    for (const end of ends) await end();
    await room.close();
    directory.remove();
  }, PATIENCE_MS);

  it(
    'outlives its pod, and the History Server of Spark lists its application',
    async () => {
      const launcher = room.launcherWith({ eventLog: { volume: { hostPath: logs } } });
      const started = { shape: SMALL, catalogue: [] };
      for (const id of ['kept', 'beside'])
        await launcher.start({ ...started, id, token: `only-for-${id}` });
      const ready = (id: string) =>
        eventually(`${id} ready`, async () => {
          const seen = await launcher.observe(id);
          if (seen?.state === 'exited') throw new Error(seen.exit ?? 'it ended');
          return seen?.state === 'ready' && seen;
        });
      const { url, ca } = await ready('kept');
      await ready('beside');
      const endpoint = { url: url!, ca, token: 'only-for-kept' };
      const answer = await runPython(endpoint, 'print(spark.range(7).count())');
      expect(answer.stdout.trim()).toBe('7');
      await launcher.stop('kept');
      await launcher.stop('beside');
      expect(await room.traces('kept')).toEqual([]);
      expect(readdirSync(logs).sort()).toEqual(['app-beside', 'app-kept']);
      // The server's own copy is the same, and has nothing of its neighbour.
      const mirrored = join(room.clusters, 'kept', 'eventlog');
      expect(readdirSync(mirrored)).toEqual(['app-kept']);
      const copy = readFileSync(join(mirrored, 'app-kept'));
      expect(copy.equals(readFileSync(join(logs, 'app-kept')))).toBe(true);

      const port = await openHistoryServer();
      const applications = await eventually('its applications', async () => {
        const asked = fetch(`http://127.0.0.1:${port}/api/v1/applications`).catch(() => null);
        const listed = (await (await asked)?.json()) as { id: string; attempts: object[] }[];
        return listed?.length === 2 && listed;
      });
      const kept = applications.find(({ id }) => id === 'app-kept');
      expect(kept).toMatchObject({ attempts: [{ completed: true }] });
      const jobs = await fetch(`http://127.0.0.1:${port}/api/v1/applications/app-kept/jobs`);
      expect(await jobs.json()).toContainEqual(expect.objectContaining({ status: 'SUCCEEDED' }));
    },
    3 * PATIENCE_MS
  );

  /** Spark's own, which PySpark brings. Returns its port. */
  async function openHistoryServer(): Promise<number> {
    const free = createServer().listen(0, '127.0.0.1');
    await new Promise(resolve => free.once('listening', resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise(resolve => free.close(resolve));
    const java = environment(directory.path)['AGLAIS_JAVA']!;
    const options = {
      'spark.history.fs.logDirectory': `file://${logs}`,
      'spark.history.ui.port': String(port)
    };
    const server = spawn(
      java,
      [
        '-Xmx512m',
        ...Object.entries(options).map(([key, value]) => `-D${key}=${value}`),
        '-cp',
        join(sparkHome, 'jars', '*'),
        'org.apache.spark.deploy.history.HistoryServer'
      ],
      { stdio: 'ignore', env: { ...process.env, SPARK_LOCAL_IP: '127.0.0.1' } }
    );
    ends.push(async () => {
      const ended = new Promise(resolve => server.once('close', resolve));
      server.kill('SIGKILL');
      await ended;
    });
    return port;
  }
});
