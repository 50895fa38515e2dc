import { z } from 'zod';
import { StageProgress } from './progress.js';

const MiB = z.number().nullable().describe('MiB; null if not known');

/** Memory of one process group, in MiB: what it uses of what it was granted. */
export const Memory = z
  .strictObject({
    limitMiB: MiB,
    usedMiB: MiB.describe('Resident memory of the process and its children, MiB'),
    heapLimitMiB: MiB,
    heapUsedMiB: MiB.describe('By the newest sample or heartbeat that tells it, MiB'),
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
 * One process at one time, MiB: the most that was measured in the step that begins there. Null is
 * not measured: process trees need `spark.executor.processTreeMetrics.enabled`, and logs that were
 * not followed live have few measurements or none.
 */
export const MemoryPoint = z
  .strictObject({
    at: z.number().int().describe('Begin of the step, ms since the epoch'),
    usedMiB: MiB.describe('Resident memory of the process and its children, MiB'),
    heapMiB: MiB,
    offHeapMiB: MiB.describe("The JVM's own memory beside the heap, MiB"),
    executionMiB: MiB.describe('For sorts, joins and aggregations, on and off heap, MiB'),
    storageMiB: MiB.describe('For cached blocks and broadcasts, on and off heap, MiB'),
    jvmMiB: MiB.describe('Resident memory of the Java process, MiB'),
    pythonMiB: MiB,
    otherMiB: MiB.describe('Resident memory of other children, MiB'),
    gcMs: z.number().nullable().describe('Garbage collection since the process began, ms')
  })
  .meta({ id: 'MemoryPoint' });
export type MemoryPoint = z.infer<typeof MemoryPoint>;

/** Memory in use of one process over time, small enough to be sent at each change. */
export const MemoryLine = z
  .strictObject({
    who: z.string().describe('`driver` or the id of an executor'),
    from: z.number().int().describe('Begin of the first step, ms since the epoch'),
    stepMs: z.number().int(),
    usedMiB: z
      .array(z.number().nullable())
      .describe('The most in each step, MiB; null where nothing was measured. At most 60')
  })
  .meta({ id: 'MemoryLine' });
export type MemoryLine = z.infer<typeof MemoryLine>;

/** What the tasks of one executor did that succeeded. */
export const ExecutorWork = z
  .strictObject({
    runMs: z.number(),
    gcMs: z.number(),
    inputMiB: z.number(),
    shuffleReadMiB: z.number(),
    shuffleWriteMiB: z.number(),
    spilledMiB: z.number().describe('Written to disk for lack of memory, MiB on disk')
  })
  .meta({ id: 'ExecutorWork' });
export type ExecutorWork = z.infer<typeof ExecutorWork>;

/** Memory of the driver or an executor over time, and what an executor did. */
export const ProcessUsage = z
  .strictObject({
    who: z.string().describe('`driver` or the id of an executor'),
    unifiedMiB: MiB.describe('Room for execution and storage together, MiB'),
    storageMiB: z.number().describe('Cached partitions in its memory now, MiB'),
    peak: MemoryPoint.omit({ at: true }),
    stepMs: z.number().int().describe('Doubles when the series is full'),
    series: z.array(MemoryPoint).describe('At most 120, in order of time; steps without any lack'),
    work: ExecutorWork.nullable().describe('Null for the driver')
  })
  .meta({ id: 'ProcessUsage' });
export type ProcessUsage = z.infer<typeof ProcessUsage>;

/** How much of a cached table is kept; a partition on two executors is one, its bytes are twice. */
const Kept = z.strictObject({
  partitions: z.number().int().describe('In memory or on disk'),
  memoryPartitions: z.number().int().nullable().describe('In memory; null if not known'),
  memoryMiB: z.number(),
  diskMiB: z.number()
});

/** A table or RDD that is marked to be cached. */
export const CachedTable = z
  .strictObject({
    rdd: z.number().int(),
    name: z.string(),
    level: z.string().describe("Spark's name of it, e.g. MEMORY_AND_DISK"),
    partitions: z.number().int(),
    unpersisted: z.boolean().describe('It was given back'),
    now: Kept.nullable().describe('Null if the log does not say it'),
    most: Kept.nullable().describe('When most of it was kept; at the end of a log nothing is left'),
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
      .describe('Partitions that were computed again because they were not kept')
  })
  .meta({ id: 'CachedTable' });
export type CachedTable = z.infer<typeof CachedTable>;

const When = z.number().int().nullable().describe('ms since the epoch; null if not known');

/** What ran when. Of very many, those that failed, the longest and the newest are kept. */
export const Timeline = z
  .strictObject({
    jobs: z.array(
      z.strictObject({
        id: z.number().int(),
        scope: z.string().describe('The cell, SQL execution or job that it worked for'),
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
        killed: z.boolean().describe('A finding says that it was killed or died')
      })
    ),
    omitted: z
      .strictObject({ jobs: z.number().int(), stages: z.number().int() })
      .describe('How many more there were')
  })
  .meta({ id: 'Timeline' });
export type Timeline = z.infer<typeof Timeline>;

/** The resource picture of one application. */
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
