import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import type { Scope } from '../../application/scopes.js';
import { goodTasks, LEAST_MS, skewCost, skewOf } from '../../application/stage-costs.js';
import type { StageFacts } from '../../application/stage-summary.js';
import { taskQuotes } from '../../application/task-quotes.js';
import { duration, memory } from '../format.js';
import { amount, MIB, percent, size, stageWords } from './stage-label.js';
import { adapts, olderThan, setMiB } from './spark-settings.js';
import { matters, others, placeOfStages, slowFinding, together } from './build-slow-finding.js';

/** Up to so many tasks a median is as much chance as measure. */
const FEW_TASKS = 5;
/** Spilling belongs to a skew if the long task did this share of it. */
const MOST_OF_SPILL = 0.8;

/**
 * Stages of a scope that waited for one long task. After a loss tasks wait for what is computed
 * again: what then takes long without more data is no fault of theirs.
 *
 * @param missed stages whose tasks had to compute what was not cached any more
 */
function skewedStages(
  app: Application,
  scope: Scope,
  stages: readonly StageFacts[],
  missed: ReadonlySet<number>
): StageFacts[] {
  const disturbed = app.setbacks.hit(scope.key);
  return stages
    .filter(facts => skewCost(facts).wallMs >= LEAST_MS)
    .filter(facts => skewOf(facts) === 'data' || !(disturbed || missed.has(facts.stage)))
    .sort((a, b) => skewCost(b).wallMs - skewCost(a).wallMs || a.stage - b.stage);
}

/** Whether what a stage spilled, its one long task did. */
export function spilledBySkew(facts: StageFacts): boolean {
  return (
    skewOf(facts) !== null && facts.longest[0]!.diskSpilled >= MOST_OF_SPILL * facts.diskSpilled
  );
}

/**
 * One task held its stage up: what that cost is in skewCost.
 *
 * @param missed stages whose tasks had to compute what was not cached any more
 */
export function skew(
  app: Application,
  scope: Scope,
  all: readonly StageFacts[],
  missed: ReadonlySet<number>
): { finding: Finding; stages: StageFacts[] } | null {
  const stages = skewedStages(app, scope, all, missed);
  const worst = stages[0];
  if (!worst) return null;
  const lost = together(app, scope, stages.map(skewCost));
  if (!matters(app, scope, lost.wallMs)) return null;
  const task = worst.longest[0]!;
  const data = skewOf(worst) === 'data';
  const spilled = stages.filter(facts => facts.diskSpilled > 0 && spilledBySkew(facts));
  const found = slowFinding(app, {
    code: 'skew',
    scope,
    title: `One task of stage ${worst.stage} took ${duration(task.ms)}, ${othersWords(worst)}`,
    what: `one of the ${worst.tasks} tasks of ${stageWords(worst)} ${data ? dataWords(worst) : 'had no more data than the others'} and took ${duration(task.ms)}, where an even share would have taken ${duration(worst.taskMs / worst.tasks)}`,
    more: others(stages),
    lost,
    estimated: false,
    unsure: !data,
    ...placeOfStages(stages),
    executors: [task.executor],
    evidence: stages.slice(0, 3).flatMap(evidenceOf),
    effects: spilled.map(
      facts =>
        `that task of stage ${facts.stage} spilled ${size(facts.longest[0]!.diskSpilled)} to disk`
    ),
    advice: data ? advise(app, worst) : [lookInside(worst)],
    count: stages.length
  });
  return { finding: found, stages };
}

/** Of few tasks the mean of the others says more than a median. */
function othersWords(facts: StageFacts): string {
  if (facts.tasks > FEW_TASKS) {
    return `half of the others less than ${duration(Math.max(facts.medianMs, 100))}`;
  }
  const others = facts.tasks - 1;
  const each = (facts.taskMs - facts.longest[0]!.ms) / others;
  const words = duration(Math.max(each, 100));
  return others === 1 ? `the other one ${words}` : `the ${others} others ${words} on average`;
}

/** The long task by its place and its figures, each verbatim. */
function evidenceOf(facts: StageFacts): Evidence[] {
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

function dataWords(facts: StageFacts): string {
  const task = facts.longest[0]!;
  const read = facts.inputBytes + facts.shuffleReadBytes;
  if (task.readBytes >= MIB && read > 0) {
    return `read ${size(task.readBytes)} of ${size(read)} (${percent(task.readBytes / read)})`;
  }
  return `had ${amount(task.readRecords)} rows, the median about ${amount(Number(facts.medianReadRecords.toPrecision(2)))}`;
}

function lookInside(facts: StageFacts): Advice {
  const { partition } = facts.longest[0]!;
  return {
    action: 'code',
    hint: 'uneven-work',
    sentence: `Look at what your code does for the rows of ${partition === null ? 'that task' : `partition ${partition}`}: they take longer than others of the same size. More partitions (${goodTasks(facts)} or more) spread them.`
  };
}

/** Pieces of the large partition: 64 MiB each (AQE's own advice), at least one for each slot. */
function pieces(facts: StageFacts): number {
  const bytes = facts.longest[0]!.readBytes;
  return Math.max(2, facts.slots, Math.ceil(bytes / (64 * MIB)));
}

function advise(app: Application, facts: StageFacts): Advice[] {
  const shuffled = facts.longest[0]!.shuffleReadBytes > 0;
  if (!shuffled) {
    const parts = goodTasks(facts);
    return [
      {
        action: 'code',
        hint: `repartition(${parts})`,
        sentence: `Spread the rows after reading them, df.repartition(${parts}), or write the input in files of about the same size; a compressed text file cannot be read by more than one task.`
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
      sentence: `For grouping and windows${join.length > 0 ? ', which Spark does not split' : ' as for joins'}: add a random number from 0 to ${salt - 1} to the key, work with that first, then bring the ${salt} parts of each key together.`
    }
  ];
}

/**
 * What makes Spark split the large side of a join (OptimizeSkewedJoin): a partition is skewed if it
 * is larger than both the threshold and factor × median, and is split into pieces of the advisory size.
 */
function splitJoin(app: Application, facts: StageFacts): Advice[] {
  const prefix = 'spark.sql.adaptive';
  const largest = facts.longest[0]!.shuffleReadBytes / MIB;
  const median = facts.medianReadBytes / MIB;
  const threshold = setMiB(facts, `${prefix}.skewJoin.skewedPartitionThresholdInBytes`, 256);
  const advisory = setMiB(facts, `${prefix}.advisoryPartitionSizeInBytes`, 64);
  const factor = Number(facts.layout[`${prefix}.skewJoin.skewedPartitionFactor`] ?? 5);
  const piece = Math.max(1, Math.floor(largest / pieces(facts)));
  const conf: Record<string, string> = {};
  if (!adapts(app, facts)) conf[`${prefix}.enabled`] = 'true';
  if (facts.layout[`${prefix}.skewJoin.enabled`] === 'false') {
    conf[`${prefix}.skewJoin.enabled`] = 'true';
  }
  const below = largest <= threshold;
  if (below) {
    conf[`${prefix}.skewJoin.skewedPartitionThresholdInBytes`] =
      `${Math.max(1, Math.floor(largest / 2))}m`;
  }
  if (piece < advisory) conf[`${prefix}.advisoryPartitionSizeInBytes`] = `${piece}m`;
  // Of two tasks the median is the larger one: it says nothing of what Spark compares with.
  if (facts.tasks > 2 && median > 0 && largest <= factor * median) {
    conf[`${prefix}.skewJoin.skewedPartitionFactor`] = (largest / median / 1.5).toFixed(1);
  }
  if (Object.keys(conf).length === 0) return [];
  const why = below
    ? ` Its ${memory(largest)} are below the ${memory(threshold)} from which on Spark splits.`
    : '';
  const off = adapts(app, facts) ? '' : ' Adaptive execution is switched off here.';
  return [
    {
      action: 'set',
      conf,
      sentence: `If it is a join, let Spark split the large partition into about ${pieces(facts)} pieces.${off}${why}`
    }
  ];
}
