import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type {
  CellRunRow,
  ClusterRow,
  ClusterViewRow,
  FindingRow,
  ObservationRow
} from '../store/schema.js';
import type { Store, WholeStore } from '../store/store.js';
import { newestRevision } from '../store/revisions.js';

/**
 * The database notifies of changes; a notification that is lost with its connection delays them by at most this, ms.
 */
const POLL_MS = 3_000;
/** Simultaneous changes are read together, ms. */
const COLLECT_MS = 50;

/** Rows that any server changed; of each only the latest state. */
export interface News {
  clusters: ClusterRow[];
  views: ClusterViewRow[];
  cellRuns: CellRunRow[];
  findings: FindingRow[];
  observations: ObservationRow[];
}

/**
 * Reads what servers have written, each row once after its last change. Rows are states and not messages: a server that
 * was away for a day gets the current states, and nothing has to be retained for it.
 */
export class Feed {
  private readonly listeners: ((news: News) => Promise<void>)[] = [];
  private readonly abort = new AbortController();
  private polling: Promise<void> = Promise.resolve();
  private collecting: NodeJS.Timeout | null = null;
  private stopListening: () => Promise<void> = () => Promise.resolve();
  private next: Promise<void> | null = null;
  private reading: Promise<void> = Promise.resolve();

  private constructor(
    private readonly store: WholeStore,
    private readonly log: Logger,
    private seen: number
  ) {}

  /**
   * Changes that are committed from now on are published; existing rows are read by those who need them, after this.
   */
  static async begin(store: WholeStore, log: Logger): Promise<Feed> {
    return new Feed(store, log, await newestRevision(store));
  }

  /**
   * In the order of the calls of `onNews`, one after the other. If a listener throws, all rows are delivered again: it
   * must throw only for temporary problems (the database is unavailable), never because of the content of a row.
   */
  onNews(listener: (news: News) => Promise<void>): void {
    this.listeners.push(listener);
  }

  /** @param pollMs maximum delay after a lost notification */
  open(pollMs = POLL_MS): void {
    this.stopListening = this.store.changes.listen(
      () => this.pullSoon(),
      error =>
        this.log.warn(
          { err: error },
          'The connection on which the database notifies of changes broke; it is made again.'
        )
    );
    this.polling = this.pollForever(pollMs);
  }

  async close(): Promise<void> {
    this.abort.abort();
    await this.stopListening();
    if (this.collecting) clearTimeout(this.collecting);
    await this.polling;
    await this.next?.catch(() => undefined);
    await this.reading.catch(() => undefined);
  }

  /** Resolves when everything that was committed before the call is published. */
  pull(): Promise<void> {
    // Calls that arrive while one waits for its turn share its result.
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

  /** What changes again meanwhile is published the next time. */
  private async changed<T extends Table>(table: T, newest: number): Promise<Row<T>[]> {
    const rows = await (this.store as Store)
      .selectFrom(table as 'clusters')
      .selectAll()
      .where('revision', '>', this.seen)
      .where('revision', '<=', newest)
      .orderBy('revision')
      .execute();
    return rows as unknown as Row<T>[];
  }

  private async pollForever(pollMs: number): Promise<void> {
    while (!this.abort.signal.aborted) {
      await this.pullAndLog();
      await sleep(pollMs, undefined, { signal: this.abort.signal }).catch(() => undefined);
    }
  }

  private pullSoon(): void {
    this.collecting ??= setTimeout(() => {
      this.collecting = null;
      void this.pullAndLog();
    }, COLLECT_MS);
  }

  private async pullAndLog(): Promise<void> {
    await this.pull().catch((error: unknown) =>
      this.log.error({ err: error }, 'Changes by other servers were not read; retrying.')
    );
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
