import type { Advice, Finding } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import type { Scope } from '../../application/scopes.js';
import { bytesThrough, goodTasks, smallTasksCost } from '../../application/stage-costs.js';
import type { StageSummary } from '../../application/stage-summary.js';
import { formatBytes, formatCount, formatDuration, plural } from '../format.js';
import { layout } from './partition-layout.js';
import { usesAdaptiveExecution } from './spark-settings.js';
import { stageLabel } from './stage-label.js';

/** So many small tasks that scheduling them takes much of the time; see smallTasksCost. */
export function smallPartitions(
  app: Application,
  scope: Scope,
  all: readonly StageSummary[]
): Finding | null {
  return layout(app, scope, all, {
    code: 'small-partitions',
    cost: smallTasksCost,
    estimated: false,
    words: (_, worst) => ({
      title: `${formatCount(worst.tasks)} tasks of ${Math.round(worst.taskMs / worst.tasks)} ms each: scheduling overhead dominates`,
      what: `${stageLabel(worst)} had ${plural(worst.tasks, 'task')} for ${formatBytes(bytesThrough(worst))}, ${formatBytes(bytesThrough(worst) / worst.tasks)} each, and ${formatDuration(worst.overheadMs)} of their ${formatDuration(worst.taskMs)} was scheduling overhead`,
      advice: coalesceAdvice(app, worst)
    })
  });
}

function coalesceAdvice(app: Application, facts: StageSummary): Advice[] {
  const parts = goodTasks(facts);
  const advice: Advice[] = [];
  const coalesces = 'spark.sql.adaptive.coalescePartitions.enabled';
  const set = 'spark.sql.shuffle.partitions';
  if (
    facts.shuffleReadBytes > 0 &&
    usesAdaptiveExecution(app, facts) &&
    facts.layout[coalesces] === 'false'
  ) {
    advice.push({
      action: 'set',
      conf: { [coalesces]: 'true' },
      sentence: 'Let adaptive query execution coalesce small partitions.'
    });
  } else if (
    facts.tasks === Number(facts.layout[set] ?? 200) &&
    !usesAdaptiveExecution(app, facts)
  ) {
    advice.push({
      action: 'set',
      conf: { [set]: String(parts) },
      sentence: `Use ${parts} shuffle partitions instead of ${facts.tasks}, ${formatBytes(bytesThrough(facts) / parts)} each.`
    });
  }
  advice.push({
    action: 'code',
    hint: `coalesce(${parts})`,
    sentence: `Coalesce partitions with df.coalesce(${parts}): two tasks per slot (${facts.slots} slots) or 128 MiB per task.`
  });
  return advice;
}
