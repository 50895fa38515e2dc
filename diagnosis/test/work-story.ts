import { Story } from './story.js';

const MIB = 2 ** 20;

/** What one task does; sizes in MiB, times in ms. */
export interface TaskWork {
  ms: number;
  /** Default: all of its time. */
  runMs?: number;
  gcMs?: number;
  inputMiB?: number;
  shuffleReadMiB?: number;
  shuffleWriteMiB?: number;
  outputMiB?: number;
  records?: number;
  /** In memory; on disk it is half as much. */
  spilledMiB?: number;
  fetchWaitMs?: number;
  /** Partitions of cached RDDs that it stores while it runs. */
  stores?: { rdd: number; partition: number; memoryMiB?: number; diskMiB?: number }[];
  speculative?: boolean;
  /** Default: it succeeds. */
  reason?: object;
  partition?: number;
}

export interface CachedInfo {
  rdd: number;
  partitions: number;
  name?: string;
  disk?: boolean;
  parents?: readonly number[];
  /** Only reported by Spark before 2.3. */
  cachedPartitions?: number;
}

interface StageOptions {
  name?: string;
  cached?: readonly CachedInfo[];
  properties?: Record<string, string>;
  parents?: number[];
  attempt?: number;
  failure?: string;
  /** Number of tasks of the stage, if the job needs only some. */
  tasks?: number;
}

const level = (memory: boolean, disk: boolean): object => ({
  'Use Disk': disk,
  'Use Memory': memory,
  Deserialized: false,
  Replication: 1
});

/** Writes events of successful work, with the metrics that Spark would have logged. */
export class WorkStory extends Story {
  /** Slots: one per core of each named executor. */
  readonly slots: string[] = [];
  #id = 100_000;
  #ids = { job: 0, stage: 0 };

  with(...executors: string[]): this {
    this.executor(...executors);
    for (const id of executors) this.slots.push(id, id);
    return this;
  }

  without(executor: string, reason: string): this {
    for (let at = this.slots.length - 1; at >= 0; at -= 1) {
      if (this.slots[at] === executor) this.slots.splice(at, 1);
    }
    return this.removed(executor, reason);
  }

  /** A job of one stage; returns the stage's id. */
  jobOf(tag: string | null, tasks: TaskWork[], options: StageOptions = {}): number {
    const job = (this.#ids.job += 1);
    const stage = (this.#ids.stage += 1);
    this.job(job, tag, [stage, options.tasks ?? tasks.length]);
    this.stageOf(stage, tasks, options);
    this.jobEnd(job);
    return stage;
  }

  stageOf(id: number, tasks: TaskWork[], options: StageOptions = {}): this {
    const info = {
      'Stage ID': id,
      'Stage Attempt ID': options.attempt ?? 0,
      'Stage Name': options.name ?? `stage ${id}`,
      'Number of Tasks': options.tasks ?? tasks.length,
      'Parent IDs': options.parents ?? [],
      'RDD Info': (options.cached ?? []).map(one => ({
        'RDD ID': one.rdd,
        Name: one.name ?? `In-memory table t${one.rdd}`,
        'Parent IDs': one.parents ?? [],
        'Storage Level': level(true, one.disk ?? false),
        'Number of Partitions': one.partitions,
        'Number of Cached Partitions': one.cachedPartitions ?? 0,
        'Memory Size': (one.cachedPartitions ?? 0) * 100 * MIB,
        'Disk Size': 0
      }))
    };
    this.event('SparkListenerStageSubmitted', {
      'Stage Info': { ...info, 'Submission Time': this.now },
      Properties: options.properties ?? {}
    });
    const free = this.slots.map(executor => ({ executor, at: this.now }));
    const ends: { at: number; end: () => void }[] = [];
    tasks.forEach((task, index) => {
      const slot = free.reduce((a, b) => (b.at < a.at ? b : a));
      // Tasks that have ended by then are logged first.
      ends.sort((a, b) => a.at - b.at);
      while (ends[0] && ends[0].at <= slot.at) ends.shift()!.end();
      ends.push(this.#task(id, options.attempt ?? 0, task, index, slot));
      slot.at += task.ms;
    });
    ends.sort((a, b) => a.at - b.at).forEach(({ end }) => end());
    this.now = Math.max(this.now, ...free.map(({ at }) => at));
    return this.event('SparkListenerStageCompleted', {
      'Stage Info': {
        ...info,
        'Completion Time': this.now,
        ...(options.failure !== undefined && { 'Failure Reason': options.failure })
      }
    });
  }

  block(executor: string, rdd: number, partition: number, memoryMiB = 0, diskMiB = 0): this {
    return this.event('SparkListenerBlockUpdated', {
      'Block Updated Info': {
        'Block Manager ID': { 'Executor ID': executor, Host: 'host', Port: 1 },
        'Block ID': `rdd_${rdd}_${partition}`,
        'Storage Level': level(memoryMiB > 0, diskMiB > 0),
        'Memory Size': memoryMiB * MIB,
        'Disk Size': diskMiB * MIB
      }
    });
  }

  heartbeat(
    executor: string,
    heapMiB: number,
    more: Record<string, number> = {},
    at?: number
  ): this {
    return this.event('SparkListenerExecutorMetricsUpdate', {
      ...(at !== undefined && { Timestamp: at }),
      'Executor ID': executor,
      'Metrics Updated': [],
      'Executor Metrics Updated': [
        {
          'Stage ID': 0,
          'Stage Attempt ID': 0,
          'Executor Metrics': { JVMHeapMemory: heapMiB * MIB, ...more }
        }
      ]
    });
  }

  #task(
    stage: number,
    attempt: number,
    task: TaskWork,
    index: number,
    slot: { executor: string; at: number }
  ): { at: number; end: () => void } {
    const { executor, at } = slot;
    const partition = task.partition ?? index;
    const info = {
      'Task ID': (this.#id += 1),
      Index: partition,
      'Partition ID': partition,
      'Launch Time': at,
      'Executor ID': executor,
      Speculative: task.speculative ?? false
    };
    const where = { 'Stage ID': stage, 'Stage Attempt ID': attempt };
    this.event('SparkListenerTaskStart', { ...where, 'Task Info': info });
    const end = (): void => {
      for (const { rdd, partition: of, memoryMiB, diskMiB } of task.stores ?? []) {
        this.block(executor, rdd, of, memoryMiB, diskMiB);
      }
      this.event('SparkListenerTaskEnd', {
        ...where,
        'Task End Reason': task.reason ?? { Reason: 'Success' },
        'Task Info': { ...info, 'Finish Time': at + task.ms },
        'Task Metrics': metricsOf(task)
      });
    };
    return { at: at + task.ms, end };
  }
}

function metricsOf(task: TaskWork): object {
  const bytes = (mib = 0): number => Math.round(mib * MIB);
  return {
    'Executor Run Time': task.runMs ?? task.ms,
    'Executor CPU Time': (task.runMs ?? task.ms) * 1e6,
    'JVM GC Time': task.gcMs ?? 0,
    'Memory Bytes Spilled': bytes(task.spilledMiB),
    'Disk Bytes Spilled': bytes(task.spilledMiB) / 2,
    'Input Metrics': {
      'Bytes Read': bytes(task.inputMiB),
      'Records Read': task.shuffleReadMiB === undefined ? (task.records ?? 0) : 0
    },
    'Output Metrics': { 'Bytes Written': bytes(task.outputMiB), 'Records Written': 0 },
    'Shuffle Read Metrics': {
      'Remote Bytes Read': bytes(task.shuffleReadMiB),
      'Local Bytes Read': 0,
      'Total Records Read': task.shuffleReadMiB === undefined ? 0 : (task.records ?? 0),
      'Fetch Wait Time': task.fetchWaitMs ?? 0
    },
    'Shuffle Write Metrics': { 'Shuffle Bytes Written': bytes(task.shuffleWriteMiB) }
  };
}

/** A number of equal tasks. */
export function tasks(count: number, task: TaskWork): TaskWork[] {
  return Array.from({ length: count }, () => ({ ...task }));
}
