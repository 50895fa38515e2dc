import { fields, list, number, text, type Fields } from './json-fields.js';

/**
 * Metrics of one task, from its `Task Metrics`. Times are ms, sizes are bytes as Spark counts them: compressed for
 * shuffle and spill, uncompressed for input. Missing metrics are 0.
 */
export interface TaskMetrics {
  /** Computation: without scheduling delay, deserialization and sending the result. */
  runMs: number;
  cpuMs: number;
  gcMs: number;
  resultBytes: number;
  /** Data that was spilled, by its size in memory. */
  memorySpilled: number;
  /** The same data by its size on disk. */
  diskSpilled: number;
  peakExecutionBytes: number;
  inputBytes: number;
  inputRecords: number;
  outputBytes: number;
  shuffleReadBytes: number;
  shuffleReadRecords: number;
  fetchWaitMs: number;
  shuffleWriteBytes: number;
  /** Blocks that it stored or dropped (`spark.taskMetrics.trackUpdatedBlockStatuses`). */
  blocks: BlockStatus[];
}

/**
 * Spark's memory measurements of one process: peaks or current values, MiB; null if not measured. Process trees are
 * only measured with `spark.executor.processTreeMetrics.enabled`.
 */
export interface MeasuredMemory {
  heapMiB: number | null;
  /** The JVM's memory outside the heap: classes, compiled code. */
  offHeapMiB: number | null;
  /** Unified memory for sorts, joins and aggregations, on and off heap. */
  executionMiB: number | null;
  /** Unified memory for cached blocks and broadcasts, on and off heap. */
  storageMiB: number | null;
  /** Resident memory of the JVM, of Python and of other processes in the process tree. */
  jvmMiB: number | null;
  pythonMiB: number | null;
  otherMiB: number | null;
  /** Garbage collection time since the process started, ms. */
  gcMs: number | null;
}

export const NOT_MEASURED: MeasuredMemory = {
  heapMiB: null,
  offHeapMiB: null,
  executionMiB: null,
  storageMiB: null,
  jvmMiB: null,
  pythonMiB: null,
  otherMiB: null,
  gcMs: null
};

const MEASURES = Object.keys(NOT_MEASURED) as (keyof MeasuredMemory)[];

/** The storage level of an RDD. */
export interface StorageLevel {
  disk: boolean;
  memory: boolean;
  offHeap: boolean;
  deserialized: boolean;
  replication: number;
}

/** A cached RDD, as a stage lists it. */
export interface CachedRdd {
  rdd: number;
  name: string;
  /** Other cached RDDs of the stage that it is computed from: not read if it is cached itself. */
  behind: number[];
  level: StorageLevel;
  partitions: number;
  /** 0 if unknown: since Spark 2.3 these are not set. */
  cachedPartitions: number;
  memoryBytes: number;
  diskBytes: number;
}

/** Where a partition of a cached RDD is stored on one executor; both 0 if it was removed. */
export interface BlockStatus {
  rdd: number;
  partition: number;
  memoryBytes: number;
  diskBytes: number;
}

const MIB = 2 ** 20;
const NANOSECONDS = 1e6;

export function readTaskMetrics(json: unknown): TaskMetrics | null {
  const metrics = fields(json);
  if (!metrics) return null;
  const of = (group: Fields | null, key: string): number => (group && number(group, key)) ?? 0;
  const input = fields(metrics['Input Metrics']);
  const output = fields(metrics['Output Metrics']);
  const read = fields(metrics['Shuffle Read Metrics']);
  const write = fields(metrics['Shuffle Write Metrics']);
  return {
    runMs: of(metrics, 'Executor Run Time'),
    cpuMs: of(metrics, 'Executor CPU Time') / NANOSECONDS,
    gcMs: of(metrics, 'JVM GC Time'),
    resultBytes: of(metrics, 'Result Size'),
    memorySpilled: of(metrics, 'Memory Bytes Spilled'),
    diskSpilled: of(metrics, 'Disk Bytes Spilled'),
    peakExecutionBytes: of(metrics, 'Peak Execution Memory'),
    inputBytes: of(input, 'Bytes Read'),
    inputRecords: of(input, 'Records Read'),
    outputBytes: of(output, 'Bytes Written'),
    shuffleReadBytes: of(read, 'Remote Bytes Read') + of(read, 'Local Bytes Read'),
    shuffleReadRecords: of(read, 'Total Records Read'),
    fetchWaitMs: of(read, 'Fetch Wait Time'),
    shuffleWriteBytes: of(write, 'Shuffle Bytes Written'),
    blocks: readBlocks(list(metrics, 'Updated Blocks'))
  };
}

const NO_BLOCKS: BlockStatus[] = [];

function readBlocks(updated: readonly unknown[]): BlockStatus[] {
  if (updated.length === 0) return NO_BLOCKS;
  return updated.flatMap(one => {
    const block = fields(one);
    return (block && readBlock(block, fields(block['Status']))) ?? [];
  });
}

/** Null for blocks that are not RDD partitions: broadcasts, results, shuffle data. */
export function readBlock(named: Fields, status: Fields | null): BlockStatus | null {
  const id = /^rdd_(\d+)_(\d+)$/.exec(text(named, 'Block ID') ?? '');
  if (!id || !status) return null;
  const level = readLevel(status['Storage Level']);
  return {
    rdd: Number(id[1]),
    partition: Number(id[2]),
    // A dropped block still has its former sizes.
    memoryBytes: level.memory ? (number(status, 'Memory Size') ?? 0) : 0,
    diskBytes: level.disk ? (number(status, 'Disk Size') ?? 0) : 0
  };
}

/** The cached RDDs of a stage. */
export function readCachedRdds(stage: Fields): CachedRdd[] {
  const infos = list(stage, 'RDD Info')
    .map(fields)
    .filter(info => info !== null);
  const cached = infos.flatMap(info => {
    const rdd = number(info, 'RDD ID');
    const level = readLevel(info['Storage Level']);
    if (rdd === null || (!level.memory && !level.disk)) return [];
    return {
      rdd,
      name: text(info, 'Name') ?? `RDD ${rdd}`,
      behind: [] as number[],
      level,
      partitions: number(info, 'Number of Partitions') ?? 0,
      cachedPartitions: number(info, 'Number of Cached Partitions') ?? 0,
      memoryBytes: number(info, 'Memory Size') ?? 0,
      diskBytes: number(info, 'Disk Size') ?? 0
    };
  });
  if (cached.length > 1) {
    const parents = new Map(infos.map(info => [info['RDD ID'], list(info, 'Parent IDs')]));
    for (const one of cached) {
      const before = ancestors(one.rdd, parents);
      one.behind = cached.map(({ rdd }) => rdd).filter(rdd => before.has(rdd));
    }
  }
  return cached;
}

function ancestors(rdd: number, parents: ReadonlyMap<unknown, readonly unknown[]>): Set<unknown> {
  const seen = new Set<unknown>();
  const next: unknown[] = [...(parents.get(rdd) ?? [])];
  for (let id = next.pop(); id !== undefined; id = next.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    next.push(...(parents.get(id) ?? []));
  }
  seen.delete(rdd);
  return seen;
}

function readLevel(json: unknown): StorageLevel {
  const level = fields(json) ?? {};
  return {
    disk: level['Use Disk'] === true,
    memory: level['Use Memory'] === true,
    offHeap: level['Use Off Heap'] === true || level['Use ExternalBlockStore'] === true,
    deserialized: level['Deserialized'] === true,
    replication: number(level, 'Replication') ?? 1
  };
}

export function larger(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.max(a, b);
}

export function smaller(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

/** Field by field the maximum of two measurements. */
export function largerMemory(a: MeasuredMemory, b: Partial<MeasuredMemory>): MeasuredMemory {
  const largest = { ...a };
  for (const key of MEASURES) largest[key] = larger(a[key], b[key] ?? null);
  return largest;
}

/** `Executor Metrics` in all their spellings; null if none was measured, as in most tasks. */
export function readMemory(json: unknown): MeasuredMemory | null {
  const metrics = fields(json);
  if (!metrics) return null;
  // Spark writes 0 for what it did not measure and -1 for a task that never reported.
  const positive = (key: string): number => Math.max(0, number(metrics, key) ?? 0);
  const measured = (figure: number): number | null => (figure > 0 ? figure : null);
  const mib = (bytes: number): number | null => (bytes > 0 ? bytes / MIB : null);
  const heapMiB = mib(positive('JVMHeapMemory'));
  // A process with heap metrics has valid storage and execution metrics, even if they are 0.
  const some = (value: number | null): number | null => (heapMiB === null ? value : (value ?? 0));
  const memory = {
    heapMiB,
    offHeapMiB: mib(positive('JVMOffHeapMemory')),
    executionMiB: some(mib(positive('OnHeapExecutionMemory') + positive('OffHeapExecutionMemory'))),
    storageMiB: some(mib(positive('OnHeapStorageMemory') + positive('OffHeapStorageMemory'))),
    jvmMiB: mib(positive('ProcessTreeJVMRSSMemory')),
    pythonMiB: mib(positive('ProcessTreePythonRSSMemory')),
    otherMiB: mib(positive('ProcessTreeOtherRSSMemory')),
    gcMs:
      measured(positive('TotalGCTime')) ??
      measured(positive('MinorGCTime') + positive('MajorGCTime'))
  };
  return MEASURES.every(key => memory[key] === null) ? null : memory;
}
