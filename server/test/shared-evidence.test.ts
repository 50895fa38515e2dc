import { existsSync, mkdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Diagnosis, observeEvidenceLine, type Observation } from '@aglais/diagnosis';
import type { CoreV1Event, V1Pod } from '@kubernetes/client-node';
import { pino } from 'pino';
import { event, pod, terminated } from '../../diagnosis/test/kubernetes.js';
import { ClusterRows } from '../src/clusters/cluster-rows.js';
import { KubernetesEvidence } from '../src/launchers/kubernetes/evidence/kubernetes-evidence.js';
import type { EvidenceSink } from '../src/launchers/launcher.js';
import { EvidenceTable } from '../src/replicas/evidence-table.js';
import { Feed } from '../src/replicas/feed.js';
import { openStore, type WholeStore } from '../src/store/store.js';
import { row } from './support/rows.js';
import { eventually, temporaryDirectory } from './support/server.js';

const ID = 'c1';
const UID = 'uid-app-exec-1';
const KILLED = terminated(137, 'OOMKilled', '2026-11-20T23:35:43Z');
const CELL: Observation = { kind: 'cell', cell: 'a', run: 1, outcome: 'ok', at: 5 };

/** One server's part in the evidence of all. */
class Server {
  private constructor(
    readonly directory: ReturnType<typeof temporaryDirectory>,
    private readonly feed: Feed,
    readonly table: EvidenceTable,
    readonly evidence: KubernetesEvidence
  ) {}

  static async open(store: WholeStore, directory = temporaryDirectory()): Promise<Server> {
    const log = pino({ level: 'silent' });
    const feed = await Feed.begin(store, log);
    const shared = new EvidenceTable(store, feed, directory.path, log);
    const evidence = new KubernetesEvidence({ directory: directory.path, log, shared });
    return new Server(directory, feed, shared, evidence);
  }

  /** Listens to the others from now on. */
  listen(): this {
    this.feed.open();
    return this;
  }

  get file(): string {
    return join(this.directory.path, ID, 'evidence.jsonl');
  }

  record(): Observation[] {
    const lines = readFileSync(this.file, 'utf8').split('\n').slice(0, -1);
    return lines.map(line => JSON.parse(line) as Observation);
  }

  recordObserved(...all: object[]): void {
    for (const one of all) {
      if ('involvedObject' in one) this.evidence.event(ID, one as CoreV1Event);
      else this.evidence.pod(ID, one as V1Pod);
    }
  }

  async close(): Promise<void> {
    await this.evidence.close();
    await this.feed.close();
  }
}

describe('Evidence of several servers', () => {
  let store: WholeStore;
  let a: Server;
  let b: Server;
  const servers: Server[] = [];
  const serve = async (directory?: string) => {
    const own = directory === undefined ? undefined : { path: directory, remove: () => undefined };
    const server = await Server.open(store, own);
    servers.push(server);
    return server;
  };
  const listening = async (directory?: string) => (await serve(directory)).listen();

  beforeEach(async () => {
    store = await openStore(':memory:');
    await store
      .insertInto('clusters')
      .values(row({ id: ID }))
      .execute();
    a = await listening();
    b = await listening();
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      await server.close();
      server.directory.remove();
    }
    await store.destroy();
  });

  const life = [
    pod({ version: 1 }),
    event('FailedMount', 'a volume is missing'),
    pod({ version: 5, state: KILLED })
  ];
  const known = (server: Server) => server.evidence.podRecorded(ID, UID);

  it('contains what all of them observe once, and each has all of it', async () => {
    a.recordObserved(...life);
    b.recordObserved(...life);
    for (const server of [a, b]) {
      await eventually('the record', () => known(server));
      await server.evidence.copied(ID);
      expect(server.record()).toHaveLength(3);
    }
    expect(a.record()).toEqual(b.record());
  });

  it('contains what only one of them observed, and what a kernel reported to the other', async () => {
    a.recordObserved(...life);
    await b.evidence.record(ID, CELL);
    await eventually('the record', () => known(a));
    for (const server of [a, b]) await server.evidence.copied(ID);
    expect(b.record()).toHaveLength(4);
    expect(b.record()).toContainEqual(CELL);
    expect(b.record()).toEqual(a.record());
  });

  it('is complete for one that starts with an empty disk, or with half a line on it', async () => {
    a.recordObserved(...life);
    await eventually('the record', () => known(a));
    await a.evidence.copied(ID);
    const whole = a.record();
    const { path } = a.directory;
    await a.close();
    truncateSync(a.file, readFileSync(a.file).length - 20);
    const again = await listening(path);
    const fresh = await listening();
    for (const server of [again, fresh]) {
      await server.evidence.copied(ID);
      expect(server.record()).toEqual(whole);
    }
  });

  it('has no gap on one that starts while others are running', async () => {
    a.recordObserved(life[0]!);
    await eventually('the record', () => known(a));
    const late = await serve();
    await late.table.recordOf(ID).read();
    a.recordObserved(...life);
    await eventually('the record', () => a.record().length === 3);
    late.listen();
    await eventually('its copy', () => late.record().length === 3);
    await b.evidence.record(ID, CELL);
    await eventually('its copy', () => late.record().length === 4);
    await a.evidence.copied(ID);
    expect(late.record()).toEqual(a.record());
  });

  it('is read to its end by one that takes over, with the same findings', async () => {
    a.recordObserved(...life);
    await eventually('the record', () => known(a));
    await a.close();
    const diagnosis = new Diagnosis();
    const sink: EvidenceSink = {
      eventLine: () => undefined,
      evidenceLine: (text, ref) => void observeEvidenceLine(diagnosis, text, ref),
      observe: one => diagnosis.observe(one)
    };
    const over = new AbortController();
    mkdirSync(join(b.directory.path, ID), { recursive: true });
    const following = b.evidence.follow(ID, sink, over.signal);
    await b.evidence.record(ID, CELL);
    await eventually('the end of it', () => diagnosis.cellRuns().length > 0);
    over.abort();
    await following;
    expect(diagnosis.findings()).toMatchObject([
      { code: 'executor-oom-killed', confidence: 'certain' }
    ]);
  });

  it('of a cluster that is forgotten is neither kept nor copied again', async () => {
    await a.evidence.record(ID, CELL);
    await eventually('the copy', () => existsSync(b.file));
    await new ClusterRows(store).forget(ID);
    for (const server of [a, b]) await server.evidence.forget(ID);
    // A kernel that reports late, and a pod that is seen to go.
    await a.evidence.record(ID, { ...CELL, run: 2 });
    a.recordObserved(pod({ version: 9 }));
    await a.evidence.flush(ID);
    expect(await store.selectFrom('observations').selectAll().execute()).toEqual([]);
    expect([a, b].map(server => existsSync(server.file))).toEqual([false, false]);
  });
});
