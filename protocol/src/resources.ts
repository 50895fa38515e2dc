import { z } from 'zod';
import { StageProgress } from './progress.js';

const MiB = z.number().nullable().describe('MiB; null if unknown');

/** Memory of one process group, MiB: its use and its limits. */
export const Memory = z
  .strictObject({
    limitMiB: MiB,
    usedMiB: MiB.describe('Resident memory of the process and its children, MiB'),
    heapLimitMiB: MiB,
    heapUsedMiB: MiB.describe('From the latest sample or heartbeat that reports it, MiB'),
    pythonMiB: MiB.describe('Resident memory of the Python workers, MiB')
  })
  .meta({ id: 'Memory' });
export type Memory = z.infer<typeof Memory>;

export const Executor = z
  .strictObject({
    id: z.string(),
    host: z.string(),
    state: z.enum(['active', 'lost']),
    cores: z.number().int(),
    runningTasks: z.number().int(),
    doneTasks: z.number().int(),
    failedTasks: z.number().int(),
    addedAt: z.number().int(),
    removedAt: z.number().int().nullable(),
    removedReason: z.string().nullable().describe('Verbatim from Spark'),
    memory: Memory
  })
  .meta({ id: 'Executor' });
export type Executor = z.infer<typeof Executor>;

/**
 * One process at one time, MiB: the maximum measured in the step that starts there. Null: not measured. Process
 * trees need `spark.executor.processTreeMetrics.enabled`, and logs that were not followed live have few
 * measurements or none.
 */
export const MemoryPoint = z
  .strictObject({
    at: z.number().int().describe('Start of the step, ms since the epoch'),
    usedMiB: MiB.describe('Resident memory of the process and its children, MiB'),
    heapMiB: MiB,
    offHeapMiB: MiB.describe("The JVM's memory outside the heap, MiB"),
    executionMiB: MiB.describe('For sorts, joins and aggregations, on and off heap, MiB'),
    storageMiB: MiB.describe('For cached blocks and broadcasts, on and off heap, MiB'),
    jvmMiB: MiB.describe('Resident memory of the JVM, MiB'),
    pythonMiB: MiB,
    otherMiB: MiB.describe('Resident memory of other children, MiB'),
    gcMs: z.number().nullable().describe('Garbage collection since the process started, ms')
  })
  .meta({ id: 'MemoryPoint' });
export type MemoryPoint = z.infer<typeof MemoryPoint>;

/** Memory use of one process over time, small enough to be sent with each change. */
export const MemoryLine = z
  .strictObject({
    who: z.string().describe('`driver` or the id of an executor'),
    from: z.number().int().describe('Start of the first step, ms since the epoch'),
    stepMs: z.number().int(),
    usedMiB: z
      .array(z.number().nullable())
      .describe('The maximum in each step, MiB; null where nothing was measured. At most 60')
  })
  .meta({ id: 'MemoryLine' });
export type MemoryLine = z.infer<typeof MemoryLine>;

/** Totals of the successful tasks of one executor. */
export const ExecutorWork = z
  .strictObject({
    runMs: z.number(),
    gcMs: z.number(),
    inputMiB: z.number(),
    shuffleReadMiB: z.number(),
    shuffleWriteMiB: z.number(),
    spilledMiB: z.number().describe('Spilled to disk, MiB on disk')
  })
  .meta({ id: 'ExecutorWork' });
export type ExecutorWork = z.infer<typeof ExecutorWork>;

/** Memory of the driver or an executor over time, and the task totals of an executor. */
export const ProcessUsage = z
  .strictObject({
    who: z.string().describe('`driver` or the id of an executor'),
    unifiedMiB: MiB.describe('Unified memory (execution and storage), MiB'),
    storageMiB: z.number().describe('Cached partitions in its memory now, MiB'),
    peak: MemoryPoint.omit({ at: true }),
    stepMs: z.number().int().describe('Doubles when the series is full'),
    series: z
      .array(MemoryPoint)
      .describe('At most 120, in order of time; steps without measurements are omitted'),
    work: ExecutorWork.nullable().describe('Null for the driver')
  })
  .meta({ id: 'ProcessUsage' });
export type ProcessUsage = z.infer<typeof ProcessUsage>;

/** How much of a cached table is stored; a partition on two executors counts once, its bytes twice. */
const CachedAmount = z.strictObject({
  partitions: z.number().int().describe('In memory or on disk'),
  memoryPartitions: z.number().int().nullable().describe('In memory; null if unknown'),
  memoryMiB: z.number(),
  diskMiB: z.number()
});

/** A table or RDD that is marked to be cached. */
export const CachedTable = z
  .strictObject({
    rdd: z.number().int(),
    name: z.string(),
    level: z.string().describe("Spark's storage level, e.g. MEMORY_AND_DISK"),
    partitions: z.number().int(),
    unpersisted: z.boolean().describe('It was unpersisted'),
    now: CachedAmount.nullable().describe('Null if the log does not contain it'),
    most: CachedAmount.nullable().describe(
      'The maximum cached at once; at the end of a log nothing is left'
    ),
    executors: z.array(
      z.strictObject({
        id: z.string(),
        partitions: z.number().int(),
        memoryMiB: z.number(),
        diskMiB: z.number()
      })
    ),
    recomputed: z
      .number()
      .int()
      .describe('Partitions that were recomputed because they were not cached')
  })
  .meta({ id: 'CachedTable' });
export type CachedTable = z.infer<typeof CachedTable>;

const When = z.number().int().nullable().describe('ms since the epoch; null if unknown');

/** When jobs, stages and executors ran. Of very many, those that failed, the longest and the newest are kept. */
export const Timeline = z
  .strictObject({
    jobs: z.array(
      z.strictObject({
        id: z.number().int(),
        scope: z.string().describe('The cell, SQL execution or job that it belongs to'),
        description: z.string().nullable(),
        startedAt: When,
        endedAt: When,
        result: z.enum(['running', 'succeeded', 'failed', 'cancelled', 'shutdown'])
      })
    ),
    stages: z.array(
      z.strictObject({
        id: z.number().int(),
        attempt: z.number().int(),
        name: z.string(),
        scope: z.string(),
        startedAt: When,
        endedAt: When,
        failed: z.boolean(),
        tasks: z.number().int()
      })
    ),
    executors: z.array(
      z.strictObject({
        id: z.string(),
        host: z.string(),
        addedAt: When,
        removedAt: When,
        reason: z.string().nullable().describe('Verbatim from Spark'),
        killed: z.boolean().describe('A finding reports that it was killed or died')
      })
    ),
    omitted: z
      .strictObject({ jobs: z.number().int(), stages: z.number().int() })
      .describe('How many were omitted')
  })
  .meta({ id: 'Timeline' });
export type Timeline = z.infer<typeof Timeline>;

/** The resource usage of one application. */
export const Resources = z
  .strictObject({
    driver: Memory,
    executors: z.array(Executor),
    usage: z.array(ProcessUsage).describe('The driver first'),
    tables: z.array(CachedTable),
    stages: z.array(StageProgress).describe('Running now'),
    timeline: Timeline
  })
  .meta({ id: 'Resources' });
export type Resources = z.infer<typeof Resources>;
