import type { Evidence, Executor, Memory } from '@aglais/protocol';
import type { TaskMetrics } from '../eventlog/task-metrics.js';
import type { GrantedMemory } from './granted-memory.js';
import { MemoryFacts } from './memory-facts.js';

/** What somebody said about why an executor went away. */
export interface LossReason {
  text: string;
  at: number;
  /** `ExecutorRemoved` carries the original reason; a TaskEnd may carry another. */
  from: 'removed' | 'task';
  evidence: Evidence;
}

export interface ExecutorFacts {
  readonly id: string;
  host: string;
  /** YARN's container that it runs in. */
  container: string | null;
  cores: number;
  addedAt: number | null;
  removedAt: number | null;
  /** Different reasons that were given, at most four. */
  readonly reasons: LossReason[];
  running: number;
  done: number;
  failed: number;
  /** Launch of the last task that it did well: until then it certainly lived, ms. */
  lastAliveAt: number;
  /** Work was lost with it, so it must be remembered. */
  affected: boolean;
  readonly memory: MemoryFacts;
  readonly work: TaskTotals;
}

/** What its tasks did that succeeded: ms and bytes. */
export interface TaskTotals {
  runMs: number;
  gcMs: number;
  inputBytes: number;
  shuffleReadBytes: number;
  shuffleWriteBytes: number;
  spilledBytes: number;
}

const REASONS = 4;
/** Executors that came and went without harm; with dynamic allocation there may be thousands. */
const HARMLESS_KEPT = 100;

export class Executors {
  readonly #all = new Map<string, ExecutorFacts>();
  /** Ids of those that were let go; a number each. */
  readonly #gone = new Set<string>();

  [Symbol.iterator](): Iterator<ExecutorFacts> {
    return this.#all.values();
  }

  find(id: string): ExecutorFacts | undefined {
    return this.#all.get(id);
  }

  /** Spark had it once, and nothing is remembered of it. */
  wasRegistered(id: string): boolean {
    return this.#gone.has(id);
  }

  /** Evidence about an executor may come before Spark names it. */
  get(id: string): ExecutorFacts {
    let executor = this.#all.get(id);
    if (!executor) {
      executor = newExecutor(id);
      this.#all.set(id, executor);
    }
    return executor;
  }

  /** Spark may report the same removal twice: the first report counts. */
  remove(executor: ExecutorFacts, at: number): void {
    executor.removedAt ??= at;
    const harmless = [...this.#all.values()].filter(
      ({ removedAt, affected, memory }) =>
        removedAt !== null && !affected && memory.kills.size === 0
    );
    for (const { id, addedAt } of harmless.slice(0, -HARMLESS_KEPT)) {
      this.#all.delete(id);
      if (addedAt !== null) this.#gone.add(id);
    }
  }
}

export function newExecutor(id: string): ExecutorFacts {
  return {
    id,
    host: '',
    container: null,
    cores: 0,
    addedAt: null,
    removedAt: null,
    reasons: [],
    running: 0,
    done: 0,
    failed: 0,
    lastAliveAt: 0,
    affected: false,
    memory: new MemoryFacts(),
    work: {
      runMs: 0,
      gcMs: 0,
      inputBytes: 0,
      shuffleReadBytes: 0,
      shuffleWriteBytes: 0,
      spilledBytes: 0
    }
  };
}

export function addWork(work: TaskTotals, metrics: TaskMetrics): void {
  work.runMs += metrics.runMs;
  work.gcMs += metrics.gcMs;
  work.inputBytes += metrics.inputBytes;
  work.shuffleReadBytes += metrics.shuffleReadBytes;
  work.shuffleWriteBytes += metrics.shuffleWriteBytes;
  work.spilledBytes += metrics.diskSpilled;
}

export function addReason(executor: ExecutorFacts, reason: LossReason): void {
  const known = executor.reasons.some(
    ({ text, from }) => text === reason.text && from === reason.from
  );
  if (!known && executor.reasons.length < REASONS) executor.reasons.push(reason);
}

/**
 * An executor as people see it.
 * @param podMiB the limit of its pod, which may have been moved since Spark was told of one; null: it has none
 */
export function describeExecutor(
  executor: ExecutorFacts,
  granted: GrantedMemory,
  podMiB: number | null
): Executor {
  return {
    id: executor.id,
    host: executor.host,
    state: executor.removedAt === null ? 'active' : 'lost',
    cores: executor.cores,
    runningTasks: executor.running,
    doneTasks: executor.done,
    failedTasks: executor.failed,
    addedAt: executor.addedAt ?? executor.removedAt ?? 0,
    removedAt: executor.removedAt,
    removedReason: executor.reasons.find(({ from }) => from === 'removed')?.text ?? null,
    memory: describeMemory(executor.memory, granted, podMiB)
  };
}

/**
 * Memory in use now: the process group as it was last sampled, and the heap as Spark's heartbeats
 * tell it, for whoever samples processes from outside cannot see into a heap. Of what was granted,
 * by observation or else by conf.
 */
export function describeMemory(
  facts: MemoryFacts,
  granted: GrantedMemory | null,
  podMiB: number | null
): Memory {
  const { sample, measured } = facts;
  const tree = [measured?.jvmMiB, measured?.pythonMiB, measured?.otherMiB];
  const treeMiB = measured?.jvmMiB ? tree.reduce<number>((sum, mib) => sum + (mib ?? 0), 0) : null;
  return {
    limitMiB: facts.newestLimitMiB ?? podMiB ?? granted?.limitMiB ?? null,
    usedMiB: sample?.rssMiB ?? treeMiB,
    heapLimitMiB: sample?.heapLimitMiB ?? granted?.heapMiB ?? null,
    heapUsedMiB: sample?.heapUsedMiB ?? measured?.heapMiB ?? null,
    pythonMiB: sample?.pythonMiB ?? measured?.pythonMiB ?? null
  };
}
