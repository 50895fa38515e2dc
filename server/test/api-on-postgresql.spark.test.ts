import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { apiContract } from './api.contract.js';
import { Postgres, postgresPrograms } from './support/postgres.js';
import { eventually, serve, temporaryDirectory } from './support/server.js';

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

  it('fails while the database is unavailable, with a problem, and works again afterwards', async () => {
    const directory = temporaryDirectory();
    const server = await serve(directory.path, { AGLAIS_DATABASE: await postgres.database() });
    try {
      expect((await server.user.get('/capacity')).status).toBe(200);
      await postgres.stop();
      const answer = await server.user.get('/capacity');
      expect(answer).toMatchObject({ status: 500, type: 'application/problem+json' });
      expect((await server.nobody.send('GET', '/livez')).status).toBe(200);
      await postgres.start();
      await eventually(
        'an answer',
        async () => (await server.user.get('/capacity')).status === 200
      );
    } finally {
      await server.close();
      directory.remove();
    }
  }, 60_000);
});
