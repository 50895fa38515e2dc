import { afterAll, beforeAll, describe } from '@jest/globals';
import { openStore } from '../src/store/store.js';
import { replicasContract } from './replicas.contract.js';
import { Postgres, postgresPrograms } from './support/postgres.js';

describe('Two servers that share a database of one process', () => {
  replicasContract(async () => {
    const store = await openStore(':memory:');
    return [store, store];
  });
});

const onPostgres = postgresPrograms ? describe : describe.skip;
const why = postgresPrograms ? '' : ' (not installed here: apt install postgresql)';

onPostgres(`Two servers that share a PostgreSQL${why}`, () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await Postgres.open();
  }, 60_000);
  afterAll(() => postgres.close());

  replicasContract(async () => {
    const url = await postgres.database();
    return [await openStore(url), await openStore(url)];
  });
});
