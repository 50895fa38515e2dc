import type { Advice, Finding } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import type { Scope } from '../../application/scopes.js';
import { GOOD_PARTITION_BYTES, MIN_LOST_MS, spillCost } from '../../application/stage-costs.js';
import type { StageSummary } from '../../application/stage-summary.js';
import { roundUp } from '../memory-advice.js';
import { formatMiB, plural } from '../format.js';
import { stageLabel } from './stage-label.js';
import { MIB, formatBytes } from '../format.js';
import {
  usesAdaptiveExecution,
  settingMiB,
  slotsPerExecutor,
  unifiedMiB
} from './spark-settings.js';
import {
  isSignificant,
  sameInOtherStages,
  locationOfStages,
  buildSlowFinding,
  totalTimeLost
} from './build-slow-finding.js';

/** More memory is only recommended up to this multiple of the current heap. */
const MAX_MEMORY_FACTOR = 4;

/** Sorts, joins and aggregations spilled data that did not fit in memory to disk; see spillCost. */
export function spill(
  app: Application,
  scope: Scope,
  all: readonly StageSummary[]
): Finding | null {
  const stages = all
    .filter(facts => spillCost(facts).wallMs >= MIN_LOST_MS)
    .sort((a, b) => spillCost(b).wallMs - spillCost(a).wallMs || a.stage - b.stage);
  const worst = stages[0];
  if (!worst) return null;
  const lost = totalTimeLost(app, scope, stages.map(spillCost));
  if (!isSignificant(app, scope, lost.wallMs)) return null;
  const read = worst.inputBytes + worst.shuffleReadBytes;
  const times = worst.diskSpilled / read;
  const against = read < MIB ? '' : times >= 2 ? `, ${Math.round(times)} times their input` : '';
  const task = worst.worstSpill!;
  return buildSlowFinding(app, {
    code: 'spill',
    scope,
    title: `${formatBytes(stages.reduce((sum, one) => sum + one.diskSpilled, 0))} did not fit in memory and was spilled to disk`,
    what: `${plural(worst.spilledTasks, 'task')} of ${stageLabel(worst)} exceeded their memory by ${formatBytes(worst.memorySpilled)} and spilled ${formatBytes(worst.diskSpilled)} to disk${against}`,
    more: sameInOtherStages(stages),
    lost,
    estimated: true,
    ...locationOfStages(stages),
    evidence: stages.slice(0, 3).flatMap(({ worstSpill }) =>
      worstSpill
        ? {
            source: 'eventlog' as const,
            at: worstSpill.at,
            quote: `"Memory Bytes Spilled":${worstSpill.memorySpilled},"Disk Bytes Spilled":${worstSpill.diskSpilled}`,
            ref: worstSpill.ref
          }
        : []
    ),
    executors: [task.executor],
    advice: advise(app, worst),
    count: stages.reduce((sum, one) => sum + one.spilledTasks, 0)
  });
}

/**
 * A task may use unified memory ÷ slots of the executor. It needed that plus what it spilled. So
 * tasks × needed ÷ allowed partitions would each fit, or a heap of 300 MiB + needed × slots ÷ 0.6.
 */
function advise(app: Application, facts: StageSummary): Advice[] {
  const each = slotsPerExecutor(app);
  const unified = unifiedMiB(app);
  const allowed = unified / each;
  const needed = allowed + facts.memorySpilled / MIB / facts.spilledTasks;
  const parts = allowed > 0 ? Math.ceil((facts.tasks * needed) / allowed) : 2 * facts.tasks;
  const advice: Advice[] = [fewerBytesEach(app, facts, parts)];
  const heap = roundUp(300 + (needed * each) / 0.6);
  if (heap > app.granted.heapMiB && heap <= MAX_MEMORY_FACTOR * app.granted.heapMiB) {
    advice.push({
      action: 'resize',
      shape: { executorMemoryMiB: heap },
      sentence: `Or request ${formatMiB(heap)} of Java heap per executor instead of ${formatMiB(app.granted.heapMiB)}: a task then has about ${formatMiB(needed)} instead of ${formatMiB(allowed)}.`
    });
  }
  return advice;
}

function fewerBytesEach(app: Application, facts: StageSummary, parts: number): Advice {
  const why = `a task would then process about ${formatBytes((facts.inputBytes + facts.shuffleReadBytes) / parts)}`;
  if (facts.shuffleReadBytes > 0) {
    const advisory = settingMiB(facts, 'spark.sql.adaptive.advisoryPartitionSizeInBytes', 64);
    const mib = Math.max(1, Math.floor(facts.shuffleReadBytes / MIB / parts));
    return {
      action: 'set',
      conf: {
        'spark.sql.shuffle.partitions': String(parts),
        // Otherwise adaptive query execution would coalesce them up to this size.
        ...(usesAdaptiveExecution(app, facts) &&
          mib < advisory && { 'spark.sql.adaptive.advisoryPartitionSizeInBytes': `${mib}m` })
      },
      sentence: `Use ${parts} partitions instead of ${facts.tasks}: ${why}.`
    };
  }
  if (facts.inputBytes > 0) {
    const now = settingMiB(facts, 'spark.sql.files.maxPartitionBytes', GOOD_PARTITION_BYTES / MIB);
    const mib = Math.max(1, Math.floor((now * facts.tasks) / parts));
    return {
      action: 'set',
      conf: { 'spark.sql.files.maxPartitionBytes': `${mib}m` },
      sentence: `Read the input in partitions of ${formatMiB(mib)} instead of ${formatMiB(now)}, about ${parts} tasks: ${why}.`
    };
  }
  return {
    action: 'code',
    hint: `repartition(${parts})`,
    sentence: `Use ${parts} partitions instead of ${facts.tasks}, e.g. df.repartition(${parts}) before that step.`
  };
}
