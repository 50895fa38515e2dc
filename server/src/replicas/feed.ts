import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type {
  CellRunRow,
  ClusterRow,
  ClusterViewRow,
  FindingRow,
  ObservationRow
} from '../store/schema.js';
import type { Store } from '../store/store.js';
import { newestRevision } from '../store/revisions.js';

/** One small query where nothing is new, ms. */
const LOOK_MS = 100;

/** Rows that changed, by whichever server; of each, only its newest state. */
export interface News {
  clusters: ClusterRow[];
  views: ClusterViewRow[];
  cellRuns: CellRunRow[];
  findings: FindingRow[];
  observations: ObservationRow[];
}

/**
 * Reads what servers have written, each row once after its last change. Rows are states and not messages: a server that was
 * away for a day gets what there is, and nothing has to be kept for it.
 */
export class Feed {
  private readonly listeners: ((news: News) => Promise<void>)[] = [];
  private readonly abort = new AbortController();
  private looking: Promise<void> = Promise.resolve();
  private next: Promise<void> | null = null;
  private reading: Promise<void> = Promise.resolve();

  private constructor(
    private readonly store: Store,
    private readonly log: Logger,
    private seen: number
  ) {}

  /** What is committed from now on is told; what was there before is read by whoever needs it, after this. */
  static async begin(store: Store, log: Logger): Promise<Feed> {
    return new Feed(store, log, await newestRevision(store));
  }

  /** In the order of the calls of `onNews`, one after the other. */
  onNews(listener: (news: News) => Promise<void>): void {
    this.listeners.push(listener);
  }

  open(): void {
    this.looking = this.lookForever();
  }

  async close(): Promise<void> {
    this.abort.abort();
    await this.looking;
    await this.next?.catch(() => undefined);
    await this.reading.catch(() => undefined);
  }

  /** Resolves when everything was told that was committed before the call. */
  pull(): Promise<void> {
    // Who comes while one waits for its turn is served by it.
    this.next ??= (async () => {
      await this.reading.catch(() => undefined);
      this.next = null;
      this.reading = this.read();
      await this.reading;
    })();
    return this.next;
  }

  private async read(): Promise<void> {
    const newest = await newestRevision(this.store);
    if (newest === this.seen) return;
    const [clusters, views, cellRuns, findings, observations] = await Promise.all([
      this.changed('clusters', newest),
      this.changed('cluster_views', newest),
      this.changed('cell_runs', newest),
      this.changed('findings', newest),
      this.changed('observations', newest)
    ]);
    const news: News = { clusters, views, cellRuns, findings, observations };
    for (const listener of this.listeners) await listener(news);
    this.seen = newest;
  }

  /** Whatever changes again meanwhile is told the next time. */
  private async changed<T extends Table>(table: T, newest: number): Promise<Row<T>[]> {
    const rows = await this.store
      .selectFrom(table as 'clusters')
      .selectAll()
      .where('revision', '>', this.seen)
      .where('revision', '<=', newest)
      .orderBy('revision')
      .execute();
    return rows as unknown as Row<T>[];
  }

  private async lookForever(): Promise<void> {
    while (!this.abort.signal.aborted) {
      await this.pull().catch((error: unknown) =>
        this.log.error({ err: error }, 'what other servers wrote was not read; it is tried again')
      );
      await sleep(LOOK_MS, undefined, { signal: this.abort.signal }).catch(() => undefined);
    }
  }
}

interface Rows {
  clusters: ClusterRow;
  cluster_views: ClusterViewRow;
  cell_runs: CellRunRow;
  findings: FindingRow;
  observations: ObservationRow;
}
type Table = keyof Rows;
type Row<T extends Table> = Rows[T];
