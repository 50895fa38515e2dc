import type { Advice, Finding } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import type { Scope } from '../../application/scopes.js';
import { GOOD_PARTITION_BYTES, LEAST_MS, spillCost } from '../../application/stage-costs.js';
import type { StageFacts } from '../../application/stage-summary.js';
import { roundUp } from '../memory-advice.js';
import { memory, plural } from '../format.js';
import { MIB, size, stageWords } from './stage-label.js';
import { adapts, setMiB, tasksEach, unifiedMiB } from './spark-settings.js';
import { matters, others, placeOfStages, slowFinding, together } from './build-slow-finding.js';

/** More memory is only advised up to this many times what there is. */
const MOST_MEMORY = 4;

/** Sorts, joins and aggregations wrote to disk what did not fit; what that cost is in spillCost. */
export function spill(app: Application, scope: Scope, all: readonly StageFacts[]): Finding | null {
  const stages = all
    .filter(facts => spillCost(facts).wallMs >= LEAST_MS)
    .sort((a, b) => spillCost(b).wallMs - spillCost(a).wallMs || a.stage - b.stage);
  const worst = stages[0];
  if (!worst) return null;
  const lost = together(app, scope, stages.map(spillCost));
  if (!matters(app, scope, lost.wallMs)) return null;
  const read = worst.inputBytes + worst.shuffleReadBytes;
  const times = worst.diskSpilled / read;
  const against = read < MIB ? '' : times >= 2 ? `, ${Math.round(times)} times what they read` : '';
  const task = worst.worstSpill!;
  return slowFinding(app, {
    code: 'spill',
    scope,
    title: `${size(stages.reduce((sum, one) => sum + one.diskSpilled, 0))} did not fit in memory and went to disk and back`,
    what: `${plural(worst.spilledTasks, 'task')} of ${stageWords(worst)} had ${size(worst.memorySpilled)} more than fitted in memory and wrote ${size(worst.diskSpilled)} to disk${against}`,
    more: others(stages),
    lost,
    estimated: true,
    ...placeOfStages(stages),
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
 * A task may use unified memory / tasks at the same time. It needed that and what it spilled; so
 * tasks × needed / allowed of them would each fit, or a heap of 300 MiB + needed × tasks at the
 * same time / 0.6.
 */
function advise(app: Application, facts: StageFacts): Advice[] {
  const each = tasksEach(app);
  const unified = unifiedMiB(app);
  const allowed = unified / each;
  const needed = allowed + facts.memorySpilled / MIB / facts.spilledTasks;
  const parts = allowed > 0 ? Math.ceil((facts.tasks * needed) / allowed) : 2 * facts.tasks;
  const advice: Advice[] = [fewerBytesEach(app, facts, parts)];
  const heap = roundUp(300 + (needed * each) / 0.6);
  if (heap > app.granted.heapMiB && heap <= MOST_MEMORY * app.granted.heapMiB) {
    advice.push({
      action: 'resize',
      shape: { executorMemoryMiB: heap },
      sentence: `Or ask for ${memory(heap)} of Java heap per executor in place of ${memory(app.granted.heapMiB)}: a task then has about ${memory(needed)} for itself, not ${memory(allowed)}.`
    });
  }
  return advice;
}

function fewerBytesEach(app: Application, facts: StageFacts, parts: number): Advice {
  const why = `a task would then have about ${size((facts.inputBytes + facts.shuffleReadBytes) / parts)} to work on`;
  if (facts.shuffleReadBytes > 0) {
    const advisory = setMiB(facts, 'spark.sql.adaptive.advisoryPartitionSizeInBytes', 64);
    const mib = Math.max(1, Math.floor(facts.shuffleReadBytes / MIB / parts));
    return {
      action: 'set',
      conf: {
        'spark.sql.shuffle.partitions': String(parts),
        // Adaptive execution would put them together again up to this size.
        ...(adapts(app, facts) &&
          mib < advisory && { 'spark.sql.adaptive.advisoryPartitionSizeInBytes': `${mib}m` })
      },
      sentence: `Use ${parts} partitions in place of ${facts.tasks}: ${why}.`
    };
  }
  if (facts.inputBytes > 0) {
    const now = setMiB(facts, 'spark.sql.files.maxPartitionBytes', GOOD_PARTITION_BYTES / MIB);
    const mib = Math.max(1, Math.floor((now * facts.tasks) / parts));
    return {
      action: 'set',
      conf: { 'spark.sql.files.maxPartitionBytes': `${mib}m` },
      sentence: `Read in pieces of ${memory(mib)} in place of ${memory(now)}, about ${parts} tasks: ${why}.`
    };
  }
  return {
    action: 'code',
    hint: `repartition(${parts})`,
    sentence: `Use ${parts} partitions in place of ${facts.tasks}, e.g. df.repartition(${parts}) before that step.`
  };
}
