import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import type { Scope } from '../../application/scopes.js';
import { goodTasks, MIN_LOST_MS, skewCost, skewOf } from '../../application/stage-costs.js';
import type { StageSummary } from '../../application/stage-summary.js';
import { taskQuotes } from '../../application/task-quotes.js';
import { formatDuration, formatMiB } from '../format.js';
import { stageLabel } from './stage-label.js';
import { formatCount, MIB, formatPercent, formatBytes } from '../format.js';
import { usesAdaptiveExecution, olderThan, settingMiB } from './spark-settings.js';
import {
  isSignificant,
  sameInOtherStages,
  locationOfStages,
  buildSlowFinding,
  totalTimeLost
} from './build-slow-finding.js';

/** Up to this many tasks a median says little. */
const FEW_TASKS = 5;
/** Spill is an effect of skew if the longest task accounts for this share of it. */
const MOST_OF_SPILL = 0.8;

/**
 * Stages of a scope that waited for one long task. After a loss tasks wait for recomputed data, so then only
 * tasks with more data than the others count.
 *
 * @param missed stages whose tasks had to recompute cached partitions
 */
function skewedStages(
  app: Application,
  scope: Scope,
  stages: readonly StageSummary[],
  missed: ReadonlySet<number>
): StageSummary[] {
  const disturbed = app.lostWork.affects(scope.key);
  return stages
    .filter(facts => skewCost(facts).wallMs >= MIN_LOST_MS)
    .filter(facts => skewOf(facts) === 'data' || !(disturbed || missed.has(facts.stage)))
    .sort((a, b) => skewCost(b).wallMs - skewCost(a).wallMs || a.stage - b.stage);
}

/** Whether the longest task accounts for the spill of its stage. */
export function spilledBySkew(facts: StageSummary): boolean {
  return (
    skewOf(facts) !== null && facts.longest[0]!.diskSpilled >= MOST_OF_SPILL * facts.diskSpilled
  );
}

/**
 * One task delayed its stage; see skewCost.
 *
 * @param missed stages whose tasks had to recompute cached partitions
 */
export function skew(
  app: Application,
  scope: Scope,
  all: readonly StageSummary[],
  missed: ReadonlySet<number>
): { finding: Finding; stages: StageSummary[] } | null {
  const stages = skewedStages(app, scope, all, missed);
  const worst = stages[0];
  if (!worst) return null;
  const lost = totalTimeLost(app, scope, stages.map(skewCost));
  if (!isSignificant(app, scope, lost.wallMs)) return null;
  const task = worst.longest[0]!;
  const data = skewOf(worst) === 'data';
  const spilled = stages.filter(facts => facts.diskSpilled > 0 && spilledBySkew(facts));
  const found = buildSlowFinding(app, {
    code: 'skew',
    scope,
    title: `One task of stage ${worst.stage} took ${formatDuration(task.ms)}, ${otherTasks(worst)}`,
    what: `one of the ${worst.tasks} tasks of ${stageLabel(worst)} ${data ? dataShare(worst) : 'did not have more data than the others'} and took ${formatDuration(task.ms)}, compared to ${formatDuration(worst.taskMs / worst.tasks)} for an even share`,
    more: sameInOtherStages(stages),
    lost,
    estimated: false,
    unsure: !data,
    ...locationOfStages(stages),
    executors: [task.executor],
    evidence: stages.slice(0, 3).flatMap(evidenceOf),
    effects: spilled.map(
      facts =>
        `this task of stage ${facts.stage} spilled ${formatBytes(facts.longest[0]!.diskSpilled)} to disk`
    ),
    advice: data ? advise(app, worst) : [checkCode(worst)],
    count: stages.length
  });
  return { finding: found, stages };
}

/** The duration of the other tasks: their median, or their mean if there are few. */
function otherTasks(facts: StageSummary): string {
  if (facts.tasks > FEW_TASKS) {
    return `the median task ${formatDuration(Math.max(facts.medianMs, 100))}`;
  }
  const others = facts.tasks - 1;
  const each = (facts.taskMs - facts.longest[0]!.ms) / others;
  const mean = formatDuration(Math.max(each, 100));
  return others === 1 ? `the other one ${mean}` : `the ${others} others ${mean} on average`;
}

/** The longest task: its stage, its task id and its metrics, each verbatim. */
function evidenceOf(facts: StageSummary): Evidence[] {
  const task = facts.longest[0]!;
  const { at, ref } = task;
  const figures: string[] = [];
  const { readBytes, readRecords, shuffleReadBytes, shuffleReadRecords } = task;
  if (shuffleReadRecords > 0) figures.push(`"Total Records Read":${shuffleReadRecords}`);
  else if (readRecords > 0) {
    figures.push(`"Bytes Read":${readBytes - shuffleReadBytes},"Records Read":${readRecords}`);
  }
  return taskQuotes(facts.stage, task, figures).map(quote => ({
    source: 'eventlog' as const,
    at,
    quote,
    ref
  }));
}

function dataShare(facts: StageSummary): string {
  const task = facts.longest[0]!;
  const read = facts.inputBytes + facts.shuffleReadBytes;
  if (task.readBytes >= MIB && read > 0) {
    return `read ${formatBytes(task.readBytes)} of ${formatBytes(read)} (${formatPercent(task.readBytes / read)})`;
  }
  return `had ${formatCount(task.readRecords)} rows, the median about ${formatCount(Number(facts.medianReadRecords.toPrecision(2)))}`;
}

function checkCode(facts: StageSummary): Advice {
  const { partition } = facts.longest[0]!;
  return {
    action: 'code',
    hint: 'uneven-work',
    sentence: `Check what your code does for the rows of ${partition === null ? 'this task' : `partition ${partition}`}: they take longer than other partitions of the same size. More partitions (${goodTasks(facts)} or more) spread them.`
  };
}

/** Number of pieces for the large partition: 64 MiB each (AQE's advisory size), at least one per slot. */
function pieces(facts: StageSummary): number {
  const bytes = facts.longest[0]!.readBytes;
  return Math.max(2, facts.slots, Math.ceil(bytes / (64 * MIB)));
}

function advise(app: Application, facts: StageSummary): Advice[] {
  const shuffled = facts.longest[0]!.shuffleReadBytes > 0;
  if (!shuffled) {
    const parts = goodTasks(facts);
    return [
      {
        action: 'code',
        hint: `repartition(${parts})`,
        sentence: `Spread the rows after reading them, df.repartition(${parts}), or write the input in files of about the same size; a compressed text file cannot be split.`
      }
    ];
  }
  const join = olderThan(app, 3, 0) ? [] : splitJoin(app, facts);
  const salt = pieces(facts);
  return [
    ...join,
    {
      action: 'code',
      hint: `salt(${salt})`,
      sentence: `For aggregations and windows${join.length > 0 ? ', which Spark does not split' : ' as well as joins'}, salt the key: append a random number from 0 to ${salt - 1}, aggregate by the salted key, then combine the ${salt} partial results of each key.`
    }
  ];
}

/**
 * Settings that make Spark split the large side of a join (OptimizeSkewedJoin): a partition is skewed if it is
 * larger than both the threshold and factor × median; it is split into pieces of the advisory size.
 */
function splitJoin(app: Application, facts: StageSummary): Advice[] {
  const prefix = 'spark.sql.adaptive';
  const largest = facts.longest[0]!.shuffleReadBytes / MIB;
  const median = facts.medianReadBytes / MIB;
  const threshold = settingMiB(facts, `${prefix}.skewJoin.skewedPartitionThresholdInBytes`, 256);
  const advisory = settingMiB(facts, `${prefix}.advisoryPartitionSizeInBytes`, 64);
  const factor = Number(facts.layout[`${prefix}.skewJoin.skewedPartitionFactor`] ?? 5);
  const piece = Math.max(1, Math.floor(largest / pieces(facts)));
  const conf: Record<string, string> = {};
  if (!usesAdaptiveExecution(app, facts)) conf[`${prefix}.enabled`] = 'true';
  if (facts.layout[`${prefix}.skewJoin.enabled`] === 'false') {
    conf[`${prefix}.skewJoin.enabled`] = 'true';
  }
  const below = largest <= threshold;
  if (below) {
    conf[`${prefix}.skewJoin.skewedPartitionThresholdInBytes`] =
      `${Math.max(1, Math.floor(largest / 2))}m`;
  }
  if (piece < advisory) conf[`${prefix}.advisoryPartitionSizeInBytes`] = `${piece}m`;
  // With two tasks the median is the larger one, so it cannot be compared.
  if (facts.tasks > 2 && median > 0 && largest <= factor * median) {
    conf[`${prefix}.skewJoin.skewedPartitionFactor`] = (largest / median / 1.5).toFixed(1);
  }
  if (Object.keys(conf).length === 0) return [];
  const why = below
    ? ` Its ${formatMiB(largest)} are below Spark's threshold of ${formatMiB(threshold)}.`
    : '';
  const off = usesAdaptiveExecution(app, facts) ? '' : ' Adaptive query execution is disabled.';
  return [
    {
      action: 'set',
      conf,
      sentence: `If it is a join, let Spark split the large partition into about ${pieces(facts)} pieces.${off}${why}`
    }
  ];
}
