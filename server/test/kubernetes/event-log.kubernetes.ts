import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runPython } from '../support/connect.js';
import { eventually, PATIENCE_MS, SMALL, temporaryDirectory } from '../support/server.js';
import { openHistoryServer } from './history-server.js';
import { openRoom, type KubernetesRoom } from './testbed-setting.js';

/** A directory of this machine can only be mounted if the node is this machine. */
const onThisMachine = process.env.AGLAIS_NODE_CATALOGUES ? describe : describe.skip;

onThisMachine('An event log on a volume', () => {
  const directory = temporaryDirectory();
  const logs = join(directory.path, 'logs');
  const ends: (() => Promise<void>)[] = [];
  let capacity: KubernetesRoom;

  beforeAll(async () => {
    // Pods run as another user.
    mkdirSync(logs);
    for (const path of [directory.path, logs]) chmodSync(path, 0o777);
    capacity = await openRoom('privileged');
  }, PATIENCE_MS);
  afterAll(async () => {
    for (const end of ends) await end();
    await capacity.close();
    directory.remove();
  }, PATIENCE_MS);

  it(
    "outlives its pod, and Spark's History Server lists its application",
    async () => {
      const launcher = capacity.launcherWith({ eventLog: { volume: { hostPath: logs } } });
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
      expect(await capacity.traces('kept')).toEqual([]);
      expect(readdirSync(logs).sort()).toEqual(['app-beside', 'app-kept']);
      // The server's copy is the same, without the log of another application.
      const mirrored = join(capacity.clusters, 'kept', 'eventlog');
      expect(readdirSync(mirrored)).toEqual(['app-kept']);
      const copy = readFileSync(join(mirrored, 'app-kept'));
      expect(copy.equals(readFileSync(join(logs, 'app-kept')))).toBe(true);

      const history = await openHistoryServer(directory.path, `file://${logs}`);
      ends.push(() => history.close());
      const applications = await history.applications(2);
      const kept = applications.find(({ id }) => id === 'app-kept');
      expect(kept).toMatchObject({ attempts: [{ completed: true }] });
      const jobs = await history.get('/applications/app-kept/jobs');
      expect(jobs).toContainEqual(expect.objectContaining({ status: 'SUCCEEDED' }));
    },
    3 * PATIENCE_MS
  );
});
