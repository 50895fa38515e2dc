import { afterAll, beforeAll, describe } from '@jest/globals';
import { apiContract } from './api.contract.js';
import { Postgres, postgresPrograms } from './support/postgres.js';

const onPostgres = postgresPrograms ? describe : describe.skip;
const why = postgresPrograms ? '' : ' (not installed here: apt install postgresql)';

onPostgres(`The API with PostgreSQL${why}`, () => {
  let postgres: Postgres;
  let url: string;
  beforeAll(async () => {
    postgres = await Postgres.open();
    url = await postgres.database();
  }, 60_000);
  afterAll(() => postgres.close());

  describe('on it', () => apiContract(() => url));
});
