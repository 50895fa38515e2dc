import type { BlockStatus, CachedRdd } from '../eventlog/task-metrics.js';
import { NONE } from './cached-amount.js';
import {
  type CacheFacts,
  type CacheMiss,
  type PartialFill,
  place,
  type Recomputed,
  worth
} from './cached-table.js';
import { PartitionSet } from './partition-set.js';

/** Maximum number of tables; beyond it unpersisted ones without problems are forgotten. */
const MAX_TABLES = 200;

/** Cached tables: where their partitions are stored, and what had to be recomputed. */
export class Caches {
  readonly #tables = new Map<number, CacheFacts>();
  readonly #byScope = new Map<string, Set<CacheFacts>>();
  /** The log has block updates. Without them nothing is concluded from missing blocks. */
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

  /** Sets the name and storage level of an RDD, from the info of a stage. */
  declare(info: CachedRdd): CacheFacts {
    const table = this.#get(info.rdd);
    table.name = info.name;
    table.level = info.level;
    table.partitions = info.partitions;
    table.gone = false;
    return table;
  }

  /** @param ref reference of the event */
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

  /** Removes the blocks of a lost executor. */
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

  /** Why a partition has to be recomputed; null if it is cached or was never computed. */
  missing(table: CacheFacts, partition: number): CacheMiss | null {
    if (table.gone || table.blocks.has(partition) || !table.computed.has(partition)) return null;
    if (table.lost.has(partition)) return 'executor-gone';
    return table.evicted.has(partition) ? 'evicted' : 'never-fit';
  }

  /** The entry for partitions that a scope recomputed for one reason. */
  recomputedOf(table: CacheFacts, scope: string, why: CacheMiss): Recomputed {
    const key = `${why}:${scope}`;
    let recomputed = table.recomputed.get(key);
    if (!recomputed) {
      recomputed = {
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
      table.recomputed.set(key, recomputed);
      this.#remember(scope, table);
    }
    return recomputed;
  }

  /** Whether a scope has a significant entry. */
  affects(scope: string): boolean {
    const tables = this.#byScope.get(scope);
    return tables !== undefined && [...tables].some(table => worth(table, scope));
  }

  /** Evicts insignificant entries of a finished scope. */
  evict(scope: string): void {
    for (const table of this.#byScope.get(scope) ?? []) {
      if (worth(table, scope)) continue;
      for (const [key, recomputed] of table.recomputed) {
        if (recomputed.scope === scope) table.recomputed.delete(key);
      }
      if (table.fill?.scope === scope) table.fill = null;
      this.#byScope.get(scope)?.delete(table);
    }
    if (this.#byScope.get(scope)?.size === 0) this.#byScope.delete(scope);
  }

  /** Scopes with entries. */
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
        computed: new PartitionSet(),
        lost: new Map(),
        evicted: new PartitionSet(),
        reported: null,
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
    if (this.#tables.size <= MAX_TABLES) return;
    const harmless = [...this.#tables.values()].filter(
      ({ blocks, fill, recomputed, gone }) =>
        recomputed.size === 0 && fill === null && (gone || blocks.size === 0)
    );
    for (const { rdd } of harmless.slice(0, this.#tables.size - MAX_TABLES))
      this.#tables.delete(rdd);
  }
}
