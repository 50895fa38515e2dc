import type {
  CachedTable,
  ProcessUsage,
  Resources,
  StageProgress,
  Timeline
} from '@aglais/protocol';
import type { Executor, Memory } from '@aglais/protocol';
import type { Application } from './application.js';
import { levelName, tableName } from './cache-names.js';
import type { CacheFacts } from './cached-table.js';
import { parseMiB } from './spark-conf.js';
import { describeExecutor, describeMemory, type TaskTotals } from './executors.js';
import { jobSpan, plainDescription } from './timeline.js';
import type { CachedAmount } from './cached-amount.js';
import type { MemoryFacts } from './memory-facts.js';
import { largerMeasures, NO_MEASURES } from './memory-series.js';
import { podsOfApplication, podsByExecutor } from './pod-ownership.js';
import { stageProgress } from './stages.js';

const MIB = 2 ** 20;

/** Active executors and lost ones that are still kept, including those that Spark only reported as lost. */
export function executorsOf(app: Application): Executor[] {
  const pods = podsByExecutor(app);
  return [...app.executors]
    .filter(({ addedAt, removedAt }) => addedAt !== null || removedAt !== null)
    .map(executor =>
      describeExecutor(executor, app.granted, pods.get(executor.id)?.limits.at(null) ?? null)
    );
}

/** Memory of the driver, latest sample. */
export function driverMemoryOf(app: Application): Memory {
  const pod = podsOfApplication(app).find(({ role }) => role === 'driver');
  const memory = describeMemory(app.driver, null, pod?.facts.limits.at(null) ?? null);
  const heap = parseMiB(app.conf['spark.driver.memory']);
  return { ...memory, heapLimitMiB: memory.heapLimitMiB ?? heap };
}

export function runningStagesOf(app: Application): StageProgress[] {
  return [...app.stages.values()]
    .map(stageProgress)
    .filter(({ state, tasks }) => state === 'running' && (tasks.running > 0 || tasks.total > 0));
}

/** Memory over time and totals of the driver and of all kept executors. */
export function usageOfAll(app: Application): ProcessUsage[] {
  const stored = storedBytes([...app.performance.caches]);
  return [
    usageOf('driver', app.driver, null, stored),
    ...[...app.executors]
      .filter(({ addedAt }) => addedAt !== null)
      .map(({ id, memory, work }) => usageOf(id, memory, work, stored))
  ];
}

/** Tables that are or were cached. */
export function tablesOf(app: Application): CachedTable[] {
  const { caches } = app.performance;
  return [...caches]
    .filter(table => table.partitions > 0)
    .map(table => describeTable(table, caches.blocksKnown));
}

/** @param killed executors with a finding about their loss */
export function resourcesOf(app: Application, killed: ReadonlySet<string>): Resources {
  return {
    driver: driverMemoryOf(app),
    executors: executorsOf(app),
    usage: usageOfAll(app),
    tables: tablesOf(app),
    stages: runningStagesOf(app),
    timeline: timelineOf(app, killed)
  };
}

/** Bytes of cached partitions in the memory of each executor. */
function storedBytes(tables: readonly CacheFacts[]): Map<string, number> {
  const stored = new Map<string, number>();
  for (const { blocks } of tables) {
    for (const places of blocks.values()) {
      for (const [executor, { memoryBytes }] of places) {
        stored.set(executor, (stored.get(executor) ?? 0) + memoryBytes);
      }
    }
  }
  return stored;
}

function usageOf(
  who: string,
  memory: MemoryFacts,
  work: TaskTotals | null,
  stored: ReadonlyMap<string, number>
): ProcessUsage {
  return {
    who,
    unifiedMiB: memory.unifiedMiB,
    storageMiB: (stored.get(who) ?? 0) / MIB,
    peak: largerMeasures(NO_MEASURES, { ...memory.peak, usedMiB: memory.peakMiB }),
    stepMs: memory.series.stepMs,
    series: memory.series.points,
    work: work && {
      runMs: work.runMs,
      gcMs: work.gcMs,
      inputMiB: work.inputBytes / MIB,
      shuffleReadMiB: work.shuffleReadBytes / MIB,
      shuffleWriteMiB: work.shuffleWriteBytes / MIB,
      spilledMiB: work.spilledBytes / MIB
    }
  };
}

function describeTable(table: CacheFacts, blocksKnown: boolean): CachedTable {
  const { rdd, partitions, reported, blocks, now } = table;
  const shared = {
    rdd,
    name: tableName(table),
    level: levelName(table.level),
    partitions,
    unpersisted: table.gone,
    recomputed: table.recomputedTasks
  };
  if (!blocksKnown) {
    const kept = reported && {
      partitions: reported.cached,
      memoryPartitions: null,
      memoryMiB: reported.memoryBytes / MIB,
      diskMiB: reported.diskBytes / MIB
    };
    return { ...shared, now: kept, most: kept, executors: [] };
  }
  const executors = new Map<string, CachedTable['executors'][number]>();
  for (const places of blocks.values()) {
    for (const [id, { memoryBytes, diskBytes }] of places) {
      const one = executors.get(id) ?? { id, partitions: 0, memoryMiB: 0, diskMiB: 0 };
      one.partitions += 1;
      one.memoryMiB += memoryBytes / MIB;
      one.diskMiB += diskBytes / MIB;
      executors.set(id, one);
    }
  }
  return {
    ...shared,
    now: describeKept(now),
    most: describeKept(table.most),
    executors: [...executors.values()]
  };
}

function describeKept(kept: CachedAmount): NonNullable<CachedTable['now']> {
  const { partitions, memoryPartitions, memoryBytes, diskBytes } = kept;
  return {
    partitions,
    memoryPartitions,
    memoryMiB: memoryBytes / MIB,
    diskMiB: diskBytes / MIB
  };
}

function timelineOf(app: Application, killed: ReadonlySet<string>): Timeline {
  const running = [...app.jobs.values()].filter(({ result }) => result === 'running').map(jobSpan);
  const open = [...app.stages.values()].flatMap(stage => {
    const { id, attempt, state, startedAt, tasks } = stageProgress(stage);
    if (state !== 'running') return [];
    const name = plainDescription(stage.name) ?? `stage ${id}`;
    const { scope } = stage;
    return {
      id,
      attempt,
      name,
      scope,
      startedAt,
      endedAt: null,
      failed: false,
      tasks: tasks.total
    };
  });
  const { jobs, omitted: jobsOmitted } = app.history.jobs(running);
  const { stages, omitted: stagesOmitted } = app.history.stages(open);
  return {
    jobs,
    stages,
    executors: [...app.executors].flatMap(({ id, host, addedAt, removedAt, reasons }) =>
      addedAt === null && removedAt === null
        ? []
        : {
            id,
            host,
            addedAt,
            removedAt,
            reason: reasons.find(({ from }) => from === 'removed')?.text ?? null,
            killed: killed.has(id)
          }
    ),
    omitted: { jobs: jobsOmitted, stages: stagesOmitted }
  };
}
