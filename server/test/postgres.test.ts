import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { pino } from 'pino';
import { Feed } from '../src/replicas/feed.js';
import { Leases } from '../src/replicas/leases.js';
import { newestRevision, revised } from '../src/store/revisions.js';
import { openStore, type WholeStore } from '../src/store/store.js';
import { Postgres, postgresPrograms } from './support/postgres.js';
import { eventually } from './support/server.js';

const log = pino({ level: 'silent' });

/** A network between a server and its database that can silently stop working. */
class Network {
  private readonly pairs: [Socket, Socket][] = [];
  private readonly server: Server;
  private dead = false;

  private constructor(socketPath: string) {
    this.server = createServer(client => {
      const database = connect(socketPath);
      this.pairs.push([client, database]);
      for (const [from, to] of [
        [client, database],
        [database, client]
      ] as const) {
        from.on('data', chunk => this.dead || to.write(chunk));
        from.on('close', () => to.destroy());
        from.on('error', () => to.destroy());
      }
    });
  }

  static async open(socketPath: string): Promise<Network> {
    const network = new Network(socketPath);
    await new Promise<void>(resolve => network.server.listen(0, '127.0.0.1', resolve));
    return network;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** From now on nothing is delivered, silently. */
  die(): void {
    this.dead = true;
  }

  revive(): void {
    this.dead = false;
  }

  close(): void {
    for (const socket of this.pairs.flat()) socket.destroy();
    this.server.close();
  }
}

const onPostgres = postgresPrograms ? describe : describe.skip;

onPostgres('A server on PostgreSQL', () => {
  let postgres: Postgres;
  let url: string;
  let stores: WholeStore[];
  const open = async (limits = {}, location = url) => {
    const store = await openStore(location, limits);
    stores.push(store);
    return store;
  };
  beforeAll(async () => {
    postgres = await Postgres.open();
  }, 60_000);
  beforeEach(async () => {
    stores = [];
    url = await postgres.database();
  });
  afterEach(async () => {
    for (const store of stores) await store.destroy();
  });
  afterAll(() => postgres.close());

  const msOf = async (work: Promise<unknown>) => {
    const begun = performance.now();
    await work.catch(() => undefined);
    return performance.now() - begun;
  };
  const slow = (store: WholeStore, seconds: number) =>
    sql`select pg_sleep(${sql.lit(seconds)})`.execute(store);

  it('ends a statement that takes too long, and continues', async () => {
    const store = await open({ statementMs: 300 });
    const running = slow(store, 20);
    await expect(running).rejects.toThrow(/statement timeout/);
    expect(await newestRevision(store)).toBe(0);
  });

  it('closes a connection without a response, and continues with another', async () => {
    const directory = new URL(url).searchParams.get('host')!;
    const network = await Network.open(join(directory, '.s.PGSQL.5432'));
    const through = `postgresql://aglais@127.0.0.1:${network.port}${new URL(url).pathname}`;
    const store = await open({ answerMs: 500, connectMs: 500 }, through);
    expect(await newestRevision(store)).toBe(0);
    network.die();
    for (let n = 0; n < 3; n += 1) {
      const asked = newestRevision(store);
      expect(await msOf(asked)).toBeLessThan(10_000);
      await expect(asked).rejects.toThrow();
    }
    network.revive();
    expect(await newestRevision(store)).toBe(0);
    network.close();
  }, 30_000);

  it('limits the wait for a connection while all are busy', async () => {
    const store = await open({ connections: 2, connectMs: 300 });
    const busy = [slow(store, 4), slow(store, 4)];
    let areBusy = true;
    const idle = Promise.all(busy).finally(() => (areBusy = false));
    await sleep(50);
    await expect(newestRevision(store)).rejects.toThrow(/timeout/);
    expect(areBusy).toBe(true);
    await idle;
    expect(await newestRevision(store)).toBe(0);
  });

  it('loses no lease while slow queries use all of its connections', async () => {
    const store = await open({ connections: 3 });
    const renewals = store.dedicated();
    const leases = new Leases(store, log, renewals.store);
    await leases.claim(['c1']);
    leases.open();
    const busy = Array.from({ length: 3 }, () => slow(store, 9));
    for (let n = 0; n < 8; n += 1) {
      await sleep(1_000);
      expect(leases.hasValidLease('c1')).toBe(true);
    }
    await Promise.all(busy);
    await leases.close();
    await renewals.close();
  }, 30_000);

  const FAR = 600_000;
  const write = (store: WholeStore) => revised(store, (_, revision) => Promise.resolve(revision));
  const follow = async (store: WholeStore) => {
    const feed = await Feed.begin(store, log);
    let heard = 0;
    feed.onNews(() => Promise.resolve(void (heard += 1)));
    feed.open(FAR);
    return { feed, heard: () => heard };
  };

  it("is notified of another server's commit, without polling", async () => {
    const [reader, writer] = [await open(), await open()];
    const { feed, heard } = await follow(reader);
    await eventually('the connection', async () => {
      await write(writer);
      return heard() > 0;
    });
    for (let n = 0; n < 5; n += 1) {
      const before = heard();
      await write(writer);
      await eventually('the news', () => heard() > before, 500);
      await sleep(20);
    }
    await feed.close();
  }, 30_000);

  it('is notified again, and of what was missed, after the database was restarted', async () => {
    const [reader, writer] = [await open(), await open()];
    const { feed, heard } = await follow(reader);
    await eventually('the connection', async () => {
      await write(writer);
      return heard() > 0;
    });
    await postgres.restart();
    const before = heard();
    await write(writer);
    await eventually('what came meanwhile', () => heard() > before, 15_000);
    await sleep(500);
    const again = heard();
    await write(writer);
    await eventually('the news', () => heard() > again, 1_000);
    await feed.close();
  }, 60_000);

  it('polls slowly if notifications do not arrive', async () => {
    const [reader, writer] = [await open(), await open()];
    const feed = await Feed.begin(reader, log);
    let heard = 0;
    feed.onNews(() => Promise.resolve(void (heard += 1)));
    Object.assign(reader, { changes: { listen: () => () => Promise.resolve() } });
    feed.open(200);
    await write(writer);
    await eventually('the news', () => heard > 0, 2_000);
    await feed.close();
  }, 30_000);
});
