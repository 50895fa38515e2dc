import type { Advice, Cost, Evidence, Finding, FindingCode, StageAttempt } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import { APPLICATION_SCOPE, isStream, type Scope } from '../../application/scopes.js';
import { MIN_LOST_MS, type TimeLost } from '../../application/stage-costs.js';
import type { StageSummary } from '../../application/stage-summary.js';
import { capitalize, formatDuration, sortIds } from '../format.js';
import { formatPercent } from '../format.js';

/** Losses below this share of the scope's time are never reported. */
const MIN_SHARE = 0.005;
/** Slow work is a warning from this share of the scope's time and this duration on. */
const WARNING_SHARE = 0.1;
const WARNING_MS = 2000;

/** What a detector of slow work reports: work that succeeded but took longer than necessary. */
export interface SlowFindingInput {
  code: FindingCode;
  scope: Scope;
  title: string;
  /** A clause in lower case that says what made it slow, with numbers. */
  what: string;
  /** Sentences that follow it. */
  more?: string[];
  lost: TimeLost;
  /** The cost is not measured but computed from amounts and a typical speed. */
  estimated: boolean;
  /** The observation is certain, but its effect on the work is not. */
  unsure?: boolean;
  stages: readonly StageAttempt[];
  jobs: readonly number[];
  executors?: string[];
  evidence: Evidence[];
  effects?: string[];
  advice: Advice[];
  recomputedTasks?: number;
  count: number;
  firstSeen: number;
  lastSeen: number;
}

/** Duration of a scope from the start of its cell, or of its first job, to its end, ms. */
export function scopeMs(app: Application, scope: Scope): number {
  const open = scope.openJobs.size > 0 ? app.now : 0;
  const until = Math.max(scope.endedAt ?? 0, scope.lastJobAt ?? 0, open);
  return Math.max(0, until - (scope.startedAt ?? until));
}

/** Whether the lost time is large enough to report. */
export function isSignificant(
  app: Application,
  scope: Scope,
  wallMs: number,
  share = MIN_SHARE,
  leastMs = MIN_LOST_MS
): boolean {
  return wallMs >= Math.max(leastMs, MIN_LOST_MS) && wallMs >= share * scopeMs(app, scope);
}

/** Sum of losses; stages may run in parallel, so at most the duration of the scope. */
export function totalTimeLost(app: Application, scope: Scope, lost: readonly TimeLost[]): TimeLost {
  const wallMs = lost.reduce((sum, one) => sum + one.wallMs, 0);
  return {
    taskMs: Math.round(lost.reduce((sum, one) => sum + one.taskMs, 0)),
    wallMs: Math.round(Math.min(wallMs, scopeMs(app, scope)))
  };
}

/**
 * Builds a finding about slow work. It is certain only when its scope has ended, because until then its share
 * of the time may still become insignificant. An estimated cost does not make it less certain that it happened.
 */
export function buildSlowFinding(app: Application, input: SlowFindingInput): Finding {
  const { scope, lost } = input;
  const { taskMs, wallMs } = lost;
  const whole = scopeMs(app, scope);
  const ended = scope.outcome !== null && scope.outcome !== 'running';
  const settled = ended || (app.endedAt !== null && scope.openJobs.size === 0);
  const affected = wallMs >= WARNING_MS && wallMs >= WARNING_SHARE * whole;
  const cost: Cost = {
    taskMs,
    recomputedTasks: input.recomputedTasks ?? 0,
    wallMs,
    ...(input.estimated && { estimated: true as const })
  };
  const executors = sortIds(new Set(input.executors ?? []));
  const jobs = [...new Set(input.jobs)].sort((a, b) => a - b);
  return {
    id: `${input.code}:${scope.key}`,
    code: input.code,
    severity: affected ? 'warning' : 'info',
    confidence: input.unsure ? 'possible' : settled ? 'certain' : 'likely',
    title: input.title,
    explanation: [
      `${capitalize(input.what)}.`,
      ...(input.more ?? []),
      ...costSentence(scope, lost, whole, input.estimated)
    ].join(' '),
    subject: {
      ...(app.id !== null && { application: app.id }),
      ...(scope.cell !== null && { cell: scope.cell }),
      ...(scope.run !== null && { run: scope.run }),
      ...(jobs.length > 0 && { jobs }),
      ...(input.stages.length > 0 && {
        stages: [...input.stages].sort((a, b) => a.id - b.id || a.attempt - b.attempt)
      }),
      ...(executors.length > 0 && { executors })
    },
    evidence: input.evidence,
    effects: input.effects ?? [],
    ...((taskMs > 0 || wallMs > 0) && { cost }),
    advice: input.advice,
    firstSeen: Math.round(input.firstSeen),
    lastSeen: Math.round(input.lastSeen),
    count: Math.max(1, input.count)
  };
}

function costSentence(
  scope: Scope,
  { taskMs, wallMs }: TimeLost,
  whole: number,
  estimated: boolean
): string[] {
  if (wallMs <= 0) return [];
  const what =
    scope.key === APPLICATION_SCOPE
      ? 'it'
      : scope.cell !== null
        ? 'the cell'
        : scope.key.startsWith('sql:') || isStream(scope)
          ? 'the query'
          : 'the job';
  const share = whole > 0 ? `, ${formatPercent(Math.min(1, wallMs / whole))} of its time` : '';
  const spent = taskMs > 0 ? ` (${formatDuration(taskMs)} of task time)` : '';
  const estimate = estimated ? ' (estimated)' : '';
  return [`That delayed ${what} by about ${formatDuration(wallMs)}${share}${spent}${estimate}.`];
}

/** Stages, jobs and times of a finding about these stages. */
export function locationOfStages(stages: readonly StageSummary[]): {
  stages: StageAttempt[];
  jobs: number[];
  firstSeen: number;
  lastSeen: number;
} {
  return {
    stages: stages.map(({ stage, attempt }) => ({ id: stage, attempt })),
    jobs: stages.flatMap(({ jobs }) => jobs),
    firstSeen: Math.min(...stages.map(({ startedAt }) => startedAt)),
    lastSeen: Math.max(...stages.map(({ endedAt }) => endedAt))
  };
}

/** "The same happened in 3 more stages." */
export function sameInOtherStages(stages: readonly unknown[]): string[] {
  if (stages.length < 2) return [];
  const more = stages.length - 1;
  return [`The same happened in ${more === 1 ? 'one more stage' : `${more} more stages`}.`];
}
