import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Database } from '../../src/store/schema.js';
import type { Store } from '../../src/store/store.js';
import { eventually } from '../support/server.js';
import type { SoakServer } from './soak-server.js';
import type { World } from './world.js';

const MIB = 2 ** 20;
/** A folder for snapshots of the heap, to see what grew: each takes seconds, and some hundred MiB of disk. */
const SNAPSHOTS = process.env.AGLAIS_SOAK_SNAPSHOTS ?? '';
/** The retention loop runs each 30 s, that for other servers each 60. */
const QUIET_MS = 120_000;
/** Idle connections are closed within this time, ms. */
const IDLE_CONNECTIONS_MS = 6_000;
const TABLES = [
  ...(['clusters', 'cell_runs', 'findings', 'cluster_views', 'cluster_notes'] as const),
  ...(['observations', 'leases', 'jupyter_servers', 'revisions', 'installation'] as const)
] satisfies (keyof Database)[];
/** Of parts of the server that have work left. */
const BUSY = ['reconcile_queue_depth', 'reconcile_failing_clusters', 'unsaved_records'];

/** What is left when no cluster is in use. */
export interface Figures {
  clusters: number;
  /** Published to Labs so far. */
  changes: number;
  seconds: number;
  heapMiB: number;
  externalMiB: number;
  rssMiB: number;
  files: number;
  /** By kind, what the event loop waits for. */
  resources: Record<string, number>;
  rows: Record<string, number>;
  /** What is left in Kubernetes or on the disk of clusters that have ended. */
  leftovers: string[];
  metrics: Record<string, number>;
}

/** Measures an idle server: all clusters have ended and are deleted, and idle connections are closed. */
export class Measuring {
  private readonly began = performance.now();

  constructor(
    private readonly server: SoakServer,
    private readonly world: World,
    private readonly store: Store
  ) {}

  async at(clusters: number, changes: number): Promise<Figures> {
    await eventually('rest', () => this.isAtRest(), QUIET_MS).catch(async (error: unknown) => {
      const left = JSON.stringify([await this.rows(), [...(await this.server.metrics())]]);
      throw new Error(`the server never came to rest: ${left}`, { cause: error });
    });
    await sleep(IDLE_CONNECTIONS_MS);
    const snapshot = SNAPSHOTS && join(SNAPSHOTS, `${clusters}.heapsnapshot`);
    const held = await this.server.held(snapshot);
    const { heapBytes, externalBytes, rssBytes, files, resources } = held;
    return {
      ...{ clusters, changes },
      seconds: Math.round((performance.now() - this.began) / 1_000),
      heapMiB: heapBytes / MIB,
      externalMiB: externalBytes / MIB,
      rssMiB: rssBytes / MIB,
      files,
      resources: counted(resources),
      rows: await this.rows(),
      leftovers: this.world.leftovers(),
      metrics: Object.fromEntries(await this.server.metrics())
    };
  }

  /** As if a day passed in which the Jupyter Servers that are there now said nothing. */
  async aDayPasses(): Promise<void> {
    const day = 24 * 3_600_000;
    await sql`update jupyter_servers set reported_at = reported_at - ${sql.lit(day)}`.execute(
      this.store
    );
  }

  private async isAtRest(): Promise<boolean> {
    await sleep(500);
    const metrics = await this.server.metrics();
    const isBusy = BUSY.some(name => metrics.get(name) !== 0);
    return !isBusy && (metrics.get('clusters') ?? 0) === 0;
  }

  private async rows(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const table of TABLES) {
      const row = await this.store
        .selectFrom(table)
        .select(({ fn }) => fn.countAll().as('count'))
        .executeTakeFirstOrThrow();
      counts[table] = Number(row.count);
    }
    return counts;
  }
}

/** One line for each measurement, and the names of its columns above. */
export function figuresTable(all: readonly Figures[]): string {
  const rows = all.map(one => ({
    clusters: one.clusters,
    changes: one.changes,
    s: one.seconds,
    'heap MiB': one.heapMiB.toFixed(1),
    'external MiB': one.externalMiB.toFixed(1),
    'RSS MiB': one.rssMiB.toFixed(0),
    files: one.files,
    waits: counts(one.resources),
    rows: counts(one.rows),
    leftovers: one.leftovers.join(' ')
  }));
  const names = Object.keys(rows[0]!) as (keyof (typeof rows)[0])[];
  const lines = [names, ...rows.map(row => names.map(name => row[name]))];
  return lines.map(line => line.map(value => String(value).padStart(8)).join('  ')).join('\n');
}

function counted(kinds: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** Of what there is. */
function counts(of: Readonly<Record<string, number>>): string {
  const some = Object.entries(of).filter(([, count]) => count > 0);
  return some.map(([kind, count]) => `${kind} ${count}`).join(', ');
}
