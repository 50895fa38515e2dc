import type { Advice, Finding, FindingCode } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import type { Scope } from '../../application/scopes.js';
import {
  bytesThrough,
  GOOD_PARTITION_BYTES,
  goodTasks,
  largeTasksCost,
  LEAST_MS,
  smallFilesCost,
  smallTasksCost,
  type TimeLost
} from '../../application/stage-costs.js';
import type { StageFacts } from '../../application/stage-summary.js';
import { duration, memory, plural } from '../format.js';
import { amount, MIB, size, stageWords } from './stage-label.js';
import { adapts, setMiB } from './spark-settings.js';
import {
  matters,
  others,
  placeOfStages,
  slowFinding,
  together,
  type SlowDraft
} from './build-slow-finding.js';

/** How data is cut is only worth changing for a larger part of the time than other losses. */
const LEAST_SHARE = 0.1;
const LEAST_LAYOUT_MS = 2000;

type Words = Pick<SlowDraft, 'title' | 'what' | 'advice'> & { more?: string[] };

function layout(
  app: Application,
  scope: Scope,
  all: readonly StageFacts[],
  kind: {
    code: FindingCode;
    cost: (facts: StageFacts) => TimeLost;
    estimated: boolean;
    words: (app: Application, worst: StageFacts) => Words;
    effects?: (stages: readonly StageFacts[]) => string[];
  }
): Finding | null {
  const { cost } = kind;
  const stages = all
    .filter(facts => cost(facts).wallMs >= LEAST_MS)
    .sort((a, b) => cost(b).wallMs - cost(a).wallMs || a.stage - b.stage);
  const worst = stages[0];
  if (!worst) return null;
  const lost = together(app, scope, stages.map(cost));
  if (!matters(app, scope, lost.wallMs, LEAST_SHARE, LEAST_LAYOUT_MS)) return null;
  const { more = [], ...words } = kind.words(app, worst);
  return slowFinding(app, {
    code: kind.code,
    scope,
    ...words,
    more: [...more, ...others(stages)],
    lost,
    estimated: kind.estimated,
    ...placeOfStages(stages),
    effects: kind.effects?.(stages) ?? [],
    evidence: stages.slice(0, 3).flatMap(facts => {
      const task = facts.longest[0];
      const quote = `"Stage ID":${facts.stage},"Stage Attempt ID":${facts.attempt}`;
      return task ? { source: 'eventlog' as const, at: task.at, quote, ref: task.ref } : [];
    }),
    count: stages.reduce((sum, { tasks }) => sum + tasks, 0)
  });
}

/** So many small tasks that starting them takes much of the time; see smallTasksCost. */
export function smallPartitions(
  app: Application,
  scope: Scope,
  all: readonly StageFacts[]
): Finding | null {
  return layout(app, scope, all, {
    code: 'small-partitions',
    cost: smallTasksCost,
    estimated: false,
    words: (_, worst) => ({
      title: `${amount(worst.tasks)} tasks of ${Math.round(worst.taskMs / worst.tasks)} ms each: starting them takes longer than it helps`,
      what: `${stageWords(worst)} had ${plural(worst.tasks, 'task')} for ${size(bytesThrough(worst))}, ${size(bytesThrough(worst) / worst.tasks)} each, and ${duration(worst.overheadMs)} of their ${duration(worst.taskMs)} went into starting and ending them`,
      advice: fewer(app, worst)
    })
  });
}

function fewer(app: Application, facts: StageFacts): Advice[] {
  const parts = goodTasks(facts);
  const advice: Advice[] = [];
  const coalesces = 'spark.sql.adaptive.coalescePartitions.enabled';
  const set = 'spark.sql.shuffle.partitions';
  if (facts.shuffleReadBytes > 0 && adapts(app, facts) && facts.layout[coalesces] === 'false') {
    advice.push({
      action: 'set',
      conf: { [coalesces]: 'true' },
      sentence: 'Let adaptive execution put small partitions together.'
    });
  } else if (facts.tasks === Number(facts.layout[set] ?? 200) && !adapts(app, facts)) {
    advice.push({
      action: 'set',
      conf: { [set]: String(parts) },
      sentence: `Use ${parts} shuffle partitions in place of ${facts.tasks}, ${size(bytesThrough(facts) / parts)} each.`
    });
  }
  advice.push({
    action: 'code',
    hint: `coalesce(${parts})`,
    sentence: `Put partitions together, df.coalesce(${parts}): two tasks for each of the ${facts.slots} slots, or 128 MiB each.`
  });
  return advice;
}

/** So few large tasks that executors had nothing to do; see largeTasksCost. */
export function largePartitions(
  app: Application,
  scope: Scope,
  all: readonly StageFacts[]
): Finding | null {
  return layout(app, scope, all, {
    code: 'large-partitions',
    cost: largeTasksCost,
    estimated: false,
    effects: stages =>
      stages
        .filter(({ diskSpilled }) => diskSpilled > 0)
        .map(
          ({ stage, diskSpilled, spilledTasks }) =>
            `${plural(spilledTasks, 'task')} of stage ${stage} spilled ${size(diskSpilled)} to disk`
        ),
    words: (_, worst) => {
      const { tasks } = worst;
      const slots = worst.slots - worst.others;
      const parts = goodTasks(worst);
      const each = size(bytesThrough(worst) / tasks);
      return {
        title: `${tasks === 1 ? 'One task' : `Only ${tasks} tasks`} of ${each}, with room for ${slots}`,
        what: `${stageWords(worst)} had ${plural(tasks, 'task')} of ${each} each, and ${plural(slots - tasks, 'slot')} of ${slots} had nothing to do for ${duration(worst.spanMs)}`,
        advice: [
          {
            action: 'code',
            hint: `repartition(${parts})`,
            sentence: `Use ${parts} partitions of ${size(bytesThrough(worst) / parts)}, e.g. df.repartition(${parts}) before that step in place of coalesce(); text files compressed with gzip cannot be read in parts, so write them in another format first.`
          }
        ]
      };
    }
  });
}

/** Opening files takes more than reading them; see smallFilesCost. */
export function smallFiles(
  app: Application,
  scope: Scope,
  all: readonly StageFacts[]
): Finding | null {
  return layout(app, scope, all, {
    code: 'small-files',
    cost: smallFilesCost,
    estimated: true,
    words: (_, worst) => {
      const { files, bytes } = worst.files!;
      const total = bytes > 0 ? bytes : worst.inputBytes;
      const good = Math.max(1, Math.ceil(total / GOOD_PARTITION_BYTES));
      const pieces = setMiB(worst, 'spark.sql.files.maxPartitionBytes', GOOD_PARTITION_BYTES / MIB);
      return {
        title: `${amount(files)} files of ${size(total / files)} each: opening them takes longer than reading`,
        what: `${stageWords(worst)} read ${size(total)} out of ${amount(files)} files, ${size(total / files)} each`,
        advice: [
          {
            action: 'code',
            hint: `write-files(${good})`,
            sentence: `Write the table once in ${plural(good, 'file')} of up to 128 MiB, e.g. df.repartition(${good}).write, and read that; Spark counts each file as 4 MiB when it fills tasks of ${memory(pieces)}.`
          }
        ]
      };
    }
  });
}
