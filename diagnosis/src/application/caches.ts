import type { BlockStatus, CachedRdd, StorageLevel } from '../eventlog/task-metrics.js';
import { keptOf, NONE, type Kept } from './cached-amount.js';
import { Partitions } from './partition-set.js';
import { LEAST_MS } from './stage-costs.js';

/** Why a cached table did not have a partition that it had been asked to keep. */
export type Missing = 'never-fit' | 'evicted' | 'executor-gone';

/** Partitions that one scope had to compute again, for one reason, added up. */
export interface Recomputed {
  readonly why: Missing;
  readonly scope: string;
  count: number;
  /** Time of their tasks beyond that of tasks that found theirs, ms. */
  taskMs: number;
  wallMs: number;
  /** The log does not say which tasks they were; computed from the numbers of partitions. */
  estimated: boolean;
  readonly stages: Map<string, { id: number; attempt: number }>;
  readonly executors: Set<string>;
  readonly jobs: Set<number>;
  firstSeen: number;
  lastSeen: number;
  ref: string;
  /** Of the line that `ref` names: the first task that had to compute again. */
  quotes: readonly string[];
}

/** The stage that first computed a table which then did not fit. */
export interface PartialFill {
  readonly scope: string;
  readonly stage: number;
  readonly attempt: number;
  readonly jobs: number[];
  readonly slots: number;
  readonly stored: number;
  /** What computing the partitions took that were not kept, ms of task time. */
  readonly missingMs: number;
  readonly at: number;
  readonly ref: string;
  readonly quote: string;
  /** The last block that found room. */
  readonly lastBlock: { ref: string; partition: number } | null;
  readonly estimated: boolean;
}

export interface CacheFacts {
  readonly rdd: number;
  name: string;
  level: StorageLevel;
  partitions: number;
  /** Partition to executor to size. */
  readonly blocks: Map<number, Map<string, BlockStatus>>;
  /** Partitions that were computed at least once. */
  readonly computed: Partitions;
  readonly lost: Map<number, string>;
  readonly evicted: Partitions;
  /** By the RDD info of a stage, which only Sparks before 2.3 fill in. */
  told: { cached: number; memoryBytes: number; diskBytes: number } | null;
  readonly recomputed: Map<string, Recomputed>;
  /** Partitions that were computed again, all in all. */
  recomputedTasks: number;
  fill: PartialFill | null;
  /** What the tasks took that computed a partition for the first time, ms, and how many. */
  fillMs: number;
  fills: number;
  /** Sizes of all blocks that were ever stored, bytes, and how many. */
  storedBytes: number;
  stored: number;
  lastBlock: PartialFill['lastBlock'];
  /** All that is kept of it now. */
  now: Kept;
  /** The most partitions that were kept at once; at the end of a log nothing is left. */
  most: Kept;
  /** It was given back (`unpersist`). */
  gone: boolean;
}

/** Tables that were given up without harm and are still shown, and all that are kept. */
const KEPT = 200;

/** Cached tables: what is kept of them where, and what had to be computed again for lack of it. */
export class Caches {
  readonly #tables = new Map<number, CacheFacts>();
  readonly #byScope = new Map<string, Set<CacheFacts>>();
  /** The log says when blocks come and go. Without it nothing is concluded from their absence. */
  blocksKnown = false;

  [Symbol.iterator](): Iterator<CacheFacts> {
    return this.#tables.values();
  }

  get size(): number {
    return this.#tables.size;
  }

  find(rdd: number): CacheFacts | undefined {
    return this.#tables.get(rdd);
  }

  /** A stage says what an RDD is called and how it is to be kept. */
  declare(info: CachedRdd): CacheFacts {
    const table = this.#get(info.rdd);
    table.name = info.name;
    table.level = info.level;
    table.partitions = info.partitions;
    table.gone = false;
    return table;
  }

  /** @param ref of the event that tells it */
  update(executor: string, block: BlockStatus, ref: string): void {
    this.blocksKnown = true;
    const held = block.memoryBytes > 0 || block.diskBytes > 0;
    if (!held && !this.#tables.has(block.rdd)) return;
    const table = this.#get(block.rdd);
    const { partition } = block;
    if (held) {
      if (!table.blocks.get(partition)?.has(executor)) {
        table.stored += 1;
        table.storedBytes += block.memoryBytes + block.diskBytes;
        table.lastBlock = { ref, partition };
      }
      place(table, partition, executor, block);
      table.computed.add(partition);
      table.evicted.delete(partition);
      table.lost.delete(partition);
    } else if (place(table, partition, executor, null)) {
      table.evicted.add(partition);
    }
  }

  /** What an executor held goes with it. */
  executorGone(executor: string): void {
    for (const table of this.#tables.values()) {
      for (const partition of table.blocks.keys()) {
        if (place(table, partition, executor, null)) table.lost.set(partition, executor);
      }
    }
  }

  unpersisted(rdd: number): void {
    const table = this.#tables.get(rdd);
    if (!table) return;
    table.gone = true;
    table.blocks.clear();
    table.now = NONE;
    table.lost.clear();
    this.#forget();
  }

  /** Why a partition has to be computed again; null if it is there, or was never computed. */
  missing(table: CacheFacts, partition: number): Missing | null {
    if (table.gone || table.blocks.has(partition) || !table.computed.has(partition)) return null;
    if (table.lost.has(partition)) return 'executor-gone';
    return table.evicted.has(partition) ? 'evicted' : 'never-fit';
  }

  /** The account of what a scope computed again for one reason. */
  account(table: CacheFacts, scope: string, why: Missing): Recomputed {
    const key = `${why}:${scope}`;
    let account = table.recomputed.get(key);
    if (!account) {
      account = {
        why,
        scope,
        count: 0,
        taskMs: 0,
        wallMs: 0,
        estimated: false,
        stages: new Map(),
        executors: new Set(),
        jobs: new Set(),
        firstSeen: Infinity,
        lastSeen: -Infinity,
        ref: '',
        quotes: []
      };
      table.recomputed.set(key, account);
      this.#remember(scope, table);
    }
    return account;
  }

  /** Whether a scope has something in the books that is worth saying. */
  hit(scope: string): boolean {
    const tables = this.#byScope.get(scope);
    return tables !== undefined && [...tables].some(table => worth(table, scope));
  }

  /** Forgets what a scope that is over had in the books and that is not worth saying. */
  letGo(scope: string): void {
    for (const table of this.#byScope.get(scope) ?? []) {
      if (worth(table, scope)) continue;
      for (const [key, account] of table.recomputed) {
        if (account.scope === scope) table.recomputed.delete(key);
      }
      if (table.fill?.scope === scope) table.fill = null;
      this.#byScope.get(scope)?.delete(table);
    }
    if (this.#byScope.get(scope)?.size === 0) this.#byScope.delete(scope);
  }

  /** Scopes that have something in the books. */
  scopes(): Iterable<string> {
    return this.#byScope.keys();
  }

  filled(table: CacheFacts, fill: PartialFill): void {
    table.fill = fill;
    this.#remember(fill.scope, table);
  }

  #remember(scope: string, table: CacheFacts): void {
    const tables = this.#byScope.get(scope);
    if (tables) tables.add(table);
    else this.#byScope.set(scope, new Set([table]));
  }

  #get(rdd: number): CacheFacts {
    let table = this.#tables.get(rdd);
    if (!table) {
      table = {
        rdd,
        name: `RDD ${rdd}`,
        level: { disk: false, memory: true, offHeap: false, deserialized: true, replication: 1 },
        partitions: 0,
        blocks: new Map(),
        computed: new Partitions(),
        lost: new Map(),
        evicted: new Partitions(),
        told: null,
        recomputed: new Map(),
        recomputedTasks: 0,
        fill: null,
        fillMs: 0,
        fills: 0,
        storedBytes: 0,
        stored: 0,
        lastBlock: null,
        now: NONE,
        most: NONE,
        gone: false
      };
      this.#tables.set(rdd, table);
      this.#forget();
    }
    return table;
  }

  #forget(): void {
    if (this.#tables.size <= KEPT) return;
    const harmless = [...this.#tables.values()].filter(
      ({ blocks, fill, recomputed, gone }) =>
        recomputed.size === 0 && fill === null && (gone || blocks.size === 0)
    );
    for (const { rdd } of harmless.slice(0, this.#tables.size - KEPT)) this.#tables.delete(rdd);
  }
}

/**
 * Notes where a partition is, or that it is there no more (null).
 * @returns whether nobody has it any more who had it before
 */
function place(
  table: CacheFacts,
  partition: number,
  executor: string,
  block: BlockStatus | null
): boolean {
  const places = table.blocks.get(partition) ?? new Map<string, BlockStatus>();
  const before = keptOf(places);
  if (block) places.set(executor, block);
  else if (!places.delete(executor)) return false;
  if (places.size === 0) table.blocks.delete(partition);
  else table.blocks.set(partition, places);
  const after = keptOf(places);
  const { now } = table;
  table.now = {
    partitions: now.partitions + after.partitions - before.partitions,
    memoryPartitions: now.memoryPartitions + after.memoryPartitions - before.memoryPartitions,
    memoryBytes: now.memoryBytes + after.memoryBytes - before.memoryBytes,
    diskBytes: now.diskBytes + after.diskBytes - before.diskBytes
  };
  const { most } = table;
  if (
    table.now.partitions > most.partitions ||
    (table.now.partitions === most.partitions && table.now.memoryBytes > most.memoryBytes)
  ) {
    table.most = table.now;
  }
  return places.size === 0;
}

function worth(table: CacheFacts, scope: string): boolean {
  const { fill } = table;
  if (fill?.scope === scope && fill.missingMs / fill.slots >= LEAST_MS) return true;
  return [...table.recomputed.values()].some(
    account => account.scope === scope && account.wallMs >= LEAST_MS
  );
}
