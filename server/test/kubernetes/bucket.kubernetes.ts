import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { archiveFor } from '../../src/launchers/kubernetes/archive/archive-for.js';
import { bucketOf } from '../../src/launchers/kubernetes/archive/bucket.js';
import { EventLogArchive } from '../../src/launchers/kubernetes/archive/event-log-archive.js';
import { KubernetesConfig } from '../../src/launchers/kubernetes/kubernetes-config.js';
import { sharePath } from '../../src/launchers/kubernetes/objects/share-volumes.js';
import type { Launcher } from '../../src/launchers/launcher.js';
import { catalogueSql } from '../../src/shares/catalogue-sql.js';
import { readShares } from '../../src/shares/declarations.js';
import { runPython } from '../support/connect.js';
import { eventually, PATIENCE_MS, SMALL, temporaryDirectory } from '../support/server.js';
import { openHistoryServer } from './history-server.js';
import { openObjectStore, type ObjectStore } from './object-store.js';
import { openRoom, type KubernetesRoom } from './testbed-setting.js';

const { AGLAIS_OBJECT_STORE: program, AGLAIS_S3A_JARS: jars } = process.env;
/** The testbed builds an S3 server, whose address pods of the testbed can reach. */
const withObjectStore = program && jars ? describe : describe.skip;

const checkout = resolve(import.meta.dirname, '../../..');
const STARS = join(checkout, 'catalogues/data/gaia/gd1/gaia-dr2-gd1.parquet');
const QUERY =
  'print(spark.sql("SELECT count(*), count(DISTINCT source_id) FROM gaia.gd1").first())';

withObjectStore('An S3 bucket', () => {
  const directory = temporaryDirectory();
  const ends: (() => Promise<unknown>)[] = [];
  const told: string[] = [];
  let store: ObjectStore;
  let capacity: KubernetesRoom;
  let config: KubernetesConfig;

  beforeAll(async () => {
    store = await openObjectStore(program!, directory.path);
    for (const bucket of ['sky', 'spark-logs']) await store.makeBucket(bucket);
    await store.put('sky', 'gaia/gd1/gaia-dr2-gd1.parquet', readFileSync(STARS));
    capacity = await openRoom();
    await capacity.core.createNamespacedSecret({
      namespace: capacity.namespace,
      body: { metadata: { name: 's3-keys' }, stringData: store.environment }
    });
    const { endpoint, region, keys } = store;
    config = KubernetesConfig.parse({
      ...capacity.config,
      objectStore: { endpoint, region, secret: 's3-keys' },
      sharePaths: { gaia: 's3a://sky/gaia' },
      eventLog: { bucket: { name: 'spark-logs', prefix: 'aglais', endpoint, region, keys } }
    });
  }, PATIENCE_MS);
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
    await capacity?.close();
    await store?.kill();
    directory.remove();
  }, PATIENCE_MS);

  /** What a server opens: a launcher, and its archive. */
  async function openServer(
    more: { partBytes?: number; lookMs?: number } = {}
  ): Promise<{ launcher: Launcher; archive: EventLogArchive }> {
    const log = pino({ level: 'info' }, { write: line => void told.push(line) });
    const { eventLog } = config;
    if (!eventLog || !('bucket' in eventLog)) throw new Error('The config names no bucket.');
    const bucket = bucketOf(eventLog.bucket);
    const archive =
      more.partBytes === undefined
        ? archiveFor(config, capacity.clusters, log)!
        : new EventLogArchive({ directory: capacity.clusters, bucket, log, ...more });
    ends.push(() => archive.close());
    const launcher = capacity.launcherWith(config, archive);
    await launcher.open();
    return { launcher, archive };
  }

  async function startOne(launcher: Launcher, id: string) {
    const place = (share: { id: string; path: string }) =>
      Promise.resolve(sharePath(config, share));
    const shares = await readShares(join(checkout, 'catalogues'), '/nowhere', place);
    const gaia = shares.find(({ share }) => share?.id === 'gaia');
    expect(gaia).toMatchObject({ problem: null, share: { path: 's3a://sky/gaia' } });
    const token = `only-for-${id}`;
    await launcher.start({ id, token, shape: SMALL, catalogue: catalogueSql(gaia!.share!) });
    const { url, ca, shareProblems } = await eventually(`${id} ready`, async () => {
      const seen = await launcher.observe(id);
      if (seen?.state === 'exited') throw new Error(seen.exit ?? 'it ended');
      return seen?.state === 'ready' && seen;
    });
    expect(shareProblems).toEqual([]);
    return { url: url!, ca, token };
  }

  /** Everything that was written by a cluster, from its local directory. */
  const evidenceOf = (id: string): string[] =>
    readdirSync(join(capacity.clusters, id), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => readFileSync(join(entry.parentPath, entry.name), 'utf8'));

  /** Names of the parts of a log in the bucket, in order. */
  const partsOf = async (id: string): Promise<string[]> => {
    const numbers = (await store.list('spark-logs')).flatMap(key => {
      const found = /^aglais\/eventlog_v2_app-(.*)\/events_(\d+)_app-(.*)\.zstd$/.exec(key);
      return found?.[1] === id && found[3] === id ? [Number(found[2])] : [];
    });
    return numbers
      .sort((one, other) => one - other)
      .map(number => `aglais/eventlog_v2_app-${id}/events_${number}_app-${id}.zstd`);
  };

  const logIn = async (id: string): Promise<string> => {
    const parts = await Promise.all((await partsOf(id)).map(key => store.get('spark-logs', key)));
    return parts.map(part => zstdDecompressSync(part).toString()).join('');
  };

  it(
    'is a share that executors read, and stores the event log for the History Server',
    async () => {
      const { launcher, archive } = await openServer({ partBytes: 40_000, lookMs: 500 });
      const endpoint = await startOne(launcher, 'stars');
      const answer = await runPython(endpoint, QUERY);
      expect(answer.stderr).not.toMatch(/Exception/);
      expect(answer.stdout).toContain('31953');

      // The keys must not be visible to users who may read pods and configurations, or logs.
      const { core, namespace } = capacity;
      const described = [
        await core.listNamespacedPod({ namespace }),
        await core.listNamespacedConfigMap({ namespace })
      ];
      expect(described[0]!.items.length).toBeGreaterThan(1);
      const shown = await runPython(
        endpoint,
        'for row in spark.sql("SET -v").collect() + spark.sql("SET").collect(): print(row[0], row[1])'
      );
      expect(shown.stdout).toContain(store.endpoint);
      const seen = [JSON.stringify(described), shown.stdout];
      expect(seen.map(text => text.includes(store.secret))).not.toContain(true);

      await eventually('parts of a log that is being written', async () => {
        const running = 'aglais/eventlog_v2_app-stars/appstatus_app-stars.inprogress';
        return (
          (await store.list('spark-logs')).includes(running) && (await partsOf('stars')).length > 0
        );
      });
      await launcher.stop('stars');
      expect(await capacity.traces('stars')).toEqual([]);
      expect(archive.figures()).toMatchObject({ waitingLogs: 0, failures: 0 });
      const parts = await partsOf('stars');
      expect(parts.length).toBeGreaterThan(2);
      expect((await store.list('spark-logs')).sort()).toEqual(
        ['aglais/eventlog_v2_app-stars/appstatus_app-stars', ...parts].sort()
      );
      const log = await logIn('stars');
      expect(log).toBe(
        readFileSync(join(capacity.clusters, 'stars', 'eventlog', 'app-stars'), 'utf8')
      );
      expect(log).toContain('SparkListenerEnvironmentUpdate');
      const evidence = evidenceOf('stars');
      expect(evidence.length).toBeGreaterThan(3);
      // Not the texts themselves: a failure would print them.
      expect([log, ...evidence].map(text => text.includes(store.secret))).not.toContain(true);

      const history = await openHistory();
      expect(await history.applications(1)).toMatchObject([
        { id: 'app-stars', attempts: [{ completed: true }] }
      ]);
      const jobs = await history.get('/applications/app-stars/jobs');
      expect(jobs).toContainEqual(expect.objectContaining({ status: 'SUCCEEDED' }));
      const executors = await history.get('/applications/app-stars/allexecutors');
      expect(executors).toContainEqual(
        expect.objectContaining({ id: '1', totalTasks: expect.any(Number) })
      );
      // One server at a time uses the directory.
      await archive.close();
      await launcher.close();
    },
    3 * PATIENCE_MS
  );

  it(
    'that refuses, and becomes unavailable during a restart of the server, loses nothing and delays nothing',
    async () => {
      const { launcher, archive } = await openServer();
      const endpoint = await startOne(launcher, 'kept');
      expect((await runPython(endpoint, QUERY)).stdout).toContain('31953');
      const key = join(store.keys, 'AWS_SECRET_ACCESS_KEY');
      writeFileSync(key, 'a key that was withdrawn');
      await launcher.stop('kept');
      expect(await capacity.traces('kept')).toEqual([]);
      expect(await store.list('spark-logs')).not.toContainEqual(
        expect.stringContaining('app-kept')
      );
      expect(archive.figures()).toMatchObject({ waitingLogs: 1 });
      expect(archive.figures().waitingBytes).toBeGreaterThan(1_000);
      expect(told.join('')).toMatch(/refuses the server's keys .*Nothing is lost: 1 of them/);

      await store.kill();
      await archive.close();
      await launcher.close();
      writeFileSync(key, store.secret);
      const next = await openServer();
      // Deleted meanwhile, because fifty others ended after it.
      await next.launcher.forget('kept');
      await eventually('a failure', () => next.archive.figures().failures > 0);
      expect(told.join('')).toMatch(/cannot be reached \(ECONNREFUSED\)/);
      const kept = readFileSync(join(capacity.clusters, 'kept', 'eventlog', 'app-kept'), 'utf8');
      await store.start();
      await eventually('the log in the bucket', async () =>
        (await store.list('spark-logs')).includes('aglais/eventlog_v2_app-kept/appstatus_app-kept')
      );
      expect(await logIn('kept')).toBe(kept);
      await eventually('no directory', () => !readdirSync(capacity.clusters).includes('kept'));
      const history = await openHistory();
      const listed = await history.applications(2);
      expect(listed.map(({ id }) => id).sort()).toEqual(['app-kept', 'app-stars']);
      expect(told.join('')).not.toContain(store.secret);
    },
    3 * PATIENCE_MS
  );

  async function openHistory() {
    const provider =
      'software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider';
    const history = await openHistoryServer(directory.path, 's3a://spark-logs/aglais', {
      jars: jars!,
      environment: store.environment,
      properties: {
        'spark.hadoop.fs.s3a.endpoint': store.endpoint,
        'spark.hadoop.fs.s3a.endpoint.region': store.region,
        'spark.hadoop.fs.s3a.path.style.access': 'true',
        'spark.hadoop.fs.s3a.aws.credentials.provider': provider
      }
    });
    ends.push(() => history.close());
    return history;
  }
});
