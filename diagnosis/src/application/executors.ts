import type { Evidence, Executor, Memory } from '@aglais/protocol';
import type { TaskMetrics } from '../eventlog/task-metrics.js';
import type { GrantedMemory } from './granted-memory.js';
import { MemoryFacts } from './memory-facts.js';

/** A reported reason for the loss of an executor. */
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
  /** The YARN container in which it runs. */
  container: string | null;
  cores: number;
  addedAt: number | null;
  removedAt: number | null;
  /** Distinct reasons, at most four. */
  readonly reasons: LossReason[];
  running: number;
  done: number;
  failed: number;
  /** Launch time of its last successful task, ms: it was alive at least until then. */
  lastAliveAt: number;
  /** Work was lost with it, so it must not be evicted. */
  affected: boolean;
  readonly memory: MemoryFacts;
  readonly work: TaskTotals;
}

/** Totals of its successful tasks, in ms and bytes. */
export interface TaskTotals {
  runMs: number;
  gcMs: number;
  inputBytes: number;
  shuffleReadBytes: number;
  shuffleWriteBytes: number;
  spilledBytes: number;
}

const REASONS = 4;
/** Executors without problems that are kept after they exit; with dynamic allocation there may be thousands. */
const HARMLESS_KEPT = 100;

export class Executors {
  readonly #all = new Map<string, ExecutorFacts>();
  /** Ids of evicted executors; one number each. */
  readonly #gone = new Set<string>();

  [Symbol.iterator](): Iterator<ExecutorFacts> {
    return this.#all.values();
  }

  find(id: string): ExecutorFacts | undefined {
    return this.#all.get(id);
  }

  /** Whether it was evicted. */
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
 * An executor for display.
 * @param podMiB the current limit of its pod, which may have been resized since Spark started it; null without a pod
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
 * Current memory use: the last sample of the process group, plus the heap from Spark's heartbeats, because a sampler
 * cannot see the heap from outside. The limit is the observed one, otherwise the one in the configuration.
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
