import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openStore, type WholeStore } from '../src/store/store.js';
import { figuresTable, Measuring, type Figures } from './soak/figures.js';
import { Labs } from './soak/labs.js';
import { localWorld } from './soak/local-world.js';
import { Notebooks } from './soak/notebooks.js';
import { podsWorld } from './soak/pods-world.js';
import { SoakServer } from './soak/soak-server.js';
import type { World } from './soak/world.js';
import { Postgres, postgresPrograms } from './support/postgres.js';
import { PATIENCE_MS, temporaryDirectory } from './support/server.js';

/** Fewer for a try: `AGLAIS_SOAK_CLUSTERS=100`. */
const CLUSTERS = Number(process.env.AGLAIS_SOAK_CLUSTERS ?? 2_000);
/** What is measured after the first of these is what all later ones are held against. */
const STEP = Math.min(200, CLUSTERS / 2);
/** Kernels at the same time. */
const AT_ONCE = 16;
const LABS = 3;
const TEST_MS = 90 * 60_000;

/** What a server may hold more at the end than after the first clusters. */
const MOST_MORE = { heapMiB: 4, externalMiB: 2, rssMiB: 60, files: 6, waits: 6 };

describe('A server on one machine, with SQLite', () => {
  soak(directory => Promise.resolve(localWorld(directory)));
});

const onPostgres = postgresPrograms ? describe : describe.skip;
onPostgres('One of several servers, with PostgreSQL and clusters as pods', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await Postgres.open();
  }, PATIENCE_MS);

  soak(async directory => podsWorld(directory, await postgres.database()));
  // After the server that uses it.
  afterAll(() => postgres.close());
});

function soak(openWorld: (directory: string) => Promise<World>): void {
  const directory = temporaryDirectory();
  const all: Figures[] = [];
  let world: World;
  let server: SoakServer;
  let store: WholeStore;

  beforeAll(async () => {
    world = await openWorld(directory.path);
    // All that have ended are forgotten each time that retention is applied: that is its steady state.
    server = await SoakServer.start({ ...world.environment, AGLAIS_RETENTION_DAYS: '0' });
    store = await openStore(world.database);
  }, PATIENCE_MS);
  afterAll(async () => {
    await store.destroy();
    await server.end();
    await world.close();
    directory.remove();
  }, PATIENCE_MS);

  it(
    `has nothing left of ${CLUSTERS} clusters that came and went`,
    async () => {
      const measuring = new Measuring(server, world, store);
      const notebooks = new Notebooks(server.client, world);
      const labs = new Labs(server.client, LABS);
      let next = 0;
      const work = async (until: number): Promise<void> => {
        while (next < until) {
          const number = next++;
          if (number % 5 === 0) await labs.turnOver();
          await notebooks.live(number);
        }
      };
      while (next < CLUSTERS) {
        const until = next + STEP;
        const workers = Array.from({ length: AT_ONCE }, () => work(until));
        await Promise.all(workers);
        all.push(await measuring.at(next, labs.changes));
        await measuring.aDayPasses();
        console.log(figuresTable(all));
      }
      labs.close();
      const [first, last] = [all[0]!, all.at(-1)!];
      const { rows, leftovers, metrics } = last;
      // A busy machine makes it complain of a slow database.
      if (server.complaints.length > 0) console.log(server.complaints.slice(0, 20).join('\n'));
      expect({ rows, leftovers, metrics, tooMuch: tooMuch(first, last) }).toEqual({
        rows: { ...first.rows, jupyter_servers: expect.any(Number) },
        leftovers: [],
        metrics: expect.objectContaining({ quarantined_clusters: 0, unreadable_evidence_lines: 0 }),
        tooMuch: []
      });
      // Of those that left since two measurements.
      expect(rows['jupyter_servers']).toBeLessThanOrEqual(2 * (STEP / 25) + 1);
    },
    TEST_MS
  );
}

/** What the server holds more than it may, in words. */
function tooMuch(first: Figures, last: Figures): string[] {
  const waits = ({ resources }: Figures) => Object.values(resources).reduce((a, b) => a + b, 0);
  const more = {
    heapMiB: last.heapMiB - first.heapMiB,
    externalMiB: last.externalMiB - first.externalMiB,
    rssMiB: last.rssMiB - first.rssMiB,
    files: last.files - first.files,
    waits: waits(last) - waits(first)
  };
  const kinds = Object.keys(more) as (keyof typeof more)[];
  return kinds
    .filter(what => more[what] > MOST_MORE[what])
    .map(what => `${what}: ${more[what].toFixed(1)} more, and ${MOST_MORE[what]} are granted`);
}
