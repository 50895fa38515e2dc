import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { revised } from '../src/store/revisions.js';
import { openStore } from '../src/store/store.js';
import { storeContract } from './store.contract.js';
import { Postgres, postgresPrograms } from './support/postgres.js';
import { temporaryDirectory } from './support/server.js';

const directory = temporaryDirectory();
afterAll(directory.remove);

describe('The store on SQLite', () => {
  let files = 0;
  storeContract(() => Promise.resolve(join(directory.path, `${(files += 1)}.sqlite`)));

  it('rejects a file that is not a database, and does not change it', async () => {
    const path = join(directory.path, 'letter.sqlite');
    writeFileSync(path, 'Dear reader, this is no database. '.repeat(100));
    await expect(openStore(path)).rejects.toThrow(/letter\.sqlite/);
    expect(existsSync(path)).toBe(true);
  });
});

const onPostgres = postgresPrograms ? describe : describe.skip;
const why = postgresPrograms ? '' : ' (not installed here: apt install postgresql)';

onPostgres(`The store on PostgreSQL${why}`, () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await Postgres.open();
  }, 60_000);
  afterAll(() => postgres.close());

  storeContract(() => postgres.database());

  it('survives a restart of the database', async () => {
    const store = await openStore(await postgres.database());
    await store.selectFrom('clusters').selectAll().execute();
    await postgres.restart();
    expect(await store.selectFrom('clusters').selectAll().execute()).toEqual([]);
    await store.destroy();
  }, 60_000);

  it('ends the transaction of a server that hangs, so that others can write', async () => {
    const url = await postgres.database();
    const [frozen, other] = [await openStore(url), await openStore(url)];
    let wake = (): void => undefined;
    const asleep = new Promise<void>(resolve => (wake = resolve));
    let begin = (): void => undefined;
    const begun = new Promise<void>(resolve => (begin = resolve));
    const hanging = revised(frozen, async transaction => {
      begin();
      await asleep;
      await transaction.selectFrom('clusters').selectAll().execute();
    });
    await begun;
    const ended = expect(hanging).rejects.toThrow();
    const revisions = await Promise.all(
      [1, 2].map(() => revised(other, (_, revision) => Promise.resolve(revision)))
    );
    expect(revisions.sort()).toEqual([1, 2]);
    wake();
    await ended;
    // It continues with another connection.
    expect(await revised(frozen, (_, revision) => Promise.resolve(revision))).toBe(3);
    await frozen.destroy();
    await other.destroy();
  }, 60_000);

  it('reports that a database cannot be reached without its password', async () => {
    const url = 'postgresql://someone:hush@localhost:1/none';
    await expect(openStore(url)).rejects.toThrow(
      /localhost:1\/none could not be opened.*ECONNREFUSED/
    );
    await expect(openStore(url)).rejects.not.toThrow(/hush/);
  });
});
