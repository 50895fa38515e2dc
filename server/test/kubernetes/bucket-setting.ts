import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { describe } from '@jest/globals';
import { pino } from 'pino';
import { archiveFor } from '../../src/launchers/kubernetes/archive/archive-for.js';
import { bucketOf } from '../../src/launchers/kubernetes/archive/bucket.js';
import { EventLogArchive } from '../../src/launchers/kubernetes/archive/event-log-archive.js';
import { KubernetesConfig } from '../../src/launchers/kubernetes/kubernetes-config.js';
import { sharePath } from '../../src/launchers/kubernetes/objects/share-volumes.js';
import type { Launcher } from '../../src/launchers/launcher.js';
import { catalogueSql } from '../../src/shares/catalogue-sql.js';
import { readShares } from '../../src/shares/declarations.js';
import { temporaryDirectory } from '../support/server.js';
import { ready, specOf } from './cluster-setting.js';
import { openHistoryServer, type HistoryServer } from './history-server.js';
import { openObjectStore, type ObjectStore } from './object-store.js';
import { openRoom, type KubernetesRoom } from './testbed-setting.js';

const { AGLAIS_OBJECT_STORE: program, AGLAIS_S3A_JARS: jars } = process.env;
/** The testbed builds an S3 server, whose address pods of the testbed can reach. */
export const withObjectStore = program && jars ? describe : describe.skip;

const checkout = resolve(import.meta.dirname, '../../..');
const STARS = join(checkout, 'catalogues/data/gaia/gd1/gaia-dr2-gd1.parquet');
const PROVIDER = 'software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider';

/** Counts the stars of the catalogue in the bucket: 31,953. */
export const QUERY =
  'print(spark.sql("SELECT count(*), count(DISTINCT source_id) FROM gaia.gd1").first())';

/** Launchers whose share `gaia` and whose event logs are in buckets of a real S3 server. */
export class BucketSetting {
  /** What servers logged. */
  readonly logged: string[] = [];
  private readonly ends: (() => Promise<unknown>)[] = [];

  private constructor(
    private readonly directory: string,
    readonly store: ObjectStore,
    readonly room: KubernetesRoom,
    private readonly config: KubernetesConfig
  ) {}

  static async open(): Promise<BucketSetting> {
    const { path, remove } = temporaryDirectory();
    const store = await openObjectStore(program!, path);
    for (const bucket of ['sky', 'spark-logs']) await store.makeBucket(bucket);
    await store.put('sky', 'gaia/gd1/gaia-dr2-gd1.parquet', readFileSync(STARS));
    const room = await openRoom();
    await room.core.createNamespacedSecret({
      namespace: room.namespace,
      body: { metadata: { name: 's3-keys' }, stringData: store.environment }
    });
    const { endpoint, region, keys } = store;
    const config = KubernetesConfig.parse({
      ...room.config,
      objectStore: { endpoint, region, secret: 's3-keys' },
      sharePaths: { gaia: 's3a://sky/gaia' },
      eventLog: { bucket: { name: 'spark-logs', prefix: 'aglais', endpoint, region, keys } }
    });
    const setting = new BucketSetting(path, store, room, config);
    setting.ends.push(
      () => Promise.resolve(remove()),
      () => store.kill(),
      () => room.close()
    );
    return setting;
  }

  async close(): Promise<void> {
    for (const end of this.ends.reverse()) await end();
  }

  /** What a server opens: a launcher, and its archive. */
  async openServer(
    more: { partBytes?: number; lookMs?: number } = {}
  ): Promise<{ launcher: Launcher; archive: EventLogArchive }> {
    const log = pino({ level: 'info' }, { write: line => void this.logged.push(line) });
    const { eventLog } = this.config;
    if (!eventLog || !('bucket' in eventLog)) throw new Error('The config names no bucket.');
    const bucket = bucketOf(eventLog.bucket);
    const archive =
      more.partBytes === undefined
        ? archiveFor(this.config, this.room.clusters, log)!
        : new EventLogArchive({ directory: this.room.clusters, bucket, log, ...more });
    this.ends.push(() => archive.close());
    const launcher = this.room.launcherWith(this.config, archive);
    await launcher.open();
    return { launcher, archive };
  }

  /** Starts a cluster with the share. Throws if its table could not be registered. */
  async startOne(launcher: Launcher, id: string) {
    const place = (share: { id: string; path: string }) =>
      Promise.resolve(sharePath(this.config, share));
    const shares = await readShares(join(checkout, 'catalogues'), '/nowhere', place);
    const gaia = shares.find(({ share }) => share?.id === 'gaia')!.share!;
    const spec = specOf(id, { catalogue: catalogueSql(gaia) });
    await launcher.start(spec);
    const { url, ca, shareProblems } = await ready(launcher, id);
    if (shareProblems.length > 0) throw new Error(JSON.stringify(shareProblems));
    return { url: url!, ca, token: spec.token };
  }

  /** Everything that was written by a cluster, from its local directory. */
  evidenceOf(id: string): string[] {
    return readdirSync(join(this.room.clusters, id), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
  }

  /** Names of the parts of a log in the bucket, in order. */
  async partsOf(id: string): Promise<string[]> {
    const numbers = (await this.store.list('spark-logs')).flatMap(key => {
      const found = /^aglais\/eventlog_v2_app-(.*)\/events_(\d+)_app-(.*)\.zstd$/.exec(key);
      return found?.[1] === id && found[3] === id ? [Number(found[2])] : [];
    });
    return numbers
      .sort((one, other) => one - other)
      .map(number => `aglais/eventlog_v2_app-${id}/events_${number}_app-${id}.zstd`);
  }

  /** A log as the bucket has it. */
  async logIn(id: string): Promise<string> {
    const keys = await this.partsOf(id);
    const parts = await Promise.all(keys.map(key => this.store.get('spark-logs', key)));
    return parts.map(part => zstdDecompressSync(part).toString()).join('');
  }

  /** A log as the server's local directory has it. */
  localLog(id: string): string {
    return readFileSync(join(this.room.clusters, id, 'eventlog', `app-${id}`), 'utf8');
  }

  /** Spark's History Server on the bucket. */
  async openHistory(): Promise<HistoryServer> {
    const history = await openHistoryServer(this.directory, 's3a://spark-logs/aglais', {
      jars: jars!,
      environment: this.store.environment,
      properties: {
        'spark.hadoop.fs.s3a.endpoint': this.store.endpoint,
        'spark.hadoop.fs.s3a.endpoint.region': this.store.region,
        'spark.hadoop.fs.s3a.path.style.access': 'true',
        'spark.hadoop.fs.s3a.aws.credentials.provider': PROVIDER
      }
    });
    this.ends.push(() => history.close());
    return history;
  }
}
