import { afterAll, beforeAll, describe } from '@jest/globals';
import { openStore } from '../src/store/store.js';
import { reconcilerContract } from './reconciler.contract.js';
import { Postgres, postgresPrograms } from './support/postgres.js';

describe('The reconciler on SQLite', () => reconcilerContract(() => openStore(':memory:')));

const onPostgres = postgresPrograms ? describe : describe.skip;
const why = postgresPrograms ? '' : ' (not installed here: apt install postgresql)';

onPostgres(`The reconciler on PostgreSQL${why}`, () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await Postgres.open();
  }, 60_000);
  afterAll(() => postgres.close());

  reconcilerContract(async () => openStore(await postgres.database()));
});
