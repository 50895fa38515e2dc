import type { Advice, Cost, Evidence, Finding, FindingCode, StageAttempt } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import { APPLICATION_SCOPE, isStream, type Scope } from '../../application/scopes.js';
import { LEAST_MS, type TimeLost } from '../../application/stage-costs.js';
import type { StageFacts } from '../../application/stage-summary.js';
import { capital, duration, inOrder } from '../format.js';
import { percent } from './stage-label.js';

/** Nothing that took less than this share of its scope's time is ever said. */
const LEAST_SHARE = 0.005;
/** From this share of its scope's time on, and this long, slow work is a warning. */
const HURT_SHARE = 0.1;
const HURT_MS = 2000;

/** Something that succeeded and took longer than it had to. */
export interface SlowDraft {
  code: FindingCode;
  scope: Scope;
  title: string;
  /** A clause with the figures, beginning in lower case: what made it slow. */
  what: string;
  /** Whole sentences that come after it. */
  more?: string[];
  lost: TimeLost;
  /** The cost is not measured, but computed from amounts and a usual speed. */
  estimated: boolean;
  /** It was seen, but what it means for the work is only probable. */
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

/** What a scope took from its first job, or the begin of its cell, until it was over, ms. */
export function scopeMs(app: Application, scope: Scope): number {
  const open = scope.openJobs.size > 0 ? app.now : 0;
  const until = Math.max(scope.endedAt ?? 0, scope.lastJobAt ?? 0, open);
  return Math.max(0, until - (scope.startedAt ?? until));
}

/** Whether so much time was lost that it is worth a person's while. */
export function matters(
  app: Application,
  scope: Scope,
  wallMs: number,
  share = LEAST_SHARE,
  leastMs = LEAST_MS
): boolean {
  return wallMs >= Math.max(leastMs, LEAST_MS) && wallMs >= share * scopeMs(app, scope);
}

/** Adds up; stages may have run side by side, so together never more than the scope's own time. */
export function together(app: Application, scope: Scope, lost: readonly TimeLost[]): TimeLost {
  const wallMs = lost.reduce((sum, one) => sum + one.wallMs, 0);
  return {
    taskMs: Math.round(lost.reduce((sum, one) => sum + one.taskMs, 0)),
    wallMs: Math.round(Math.min(wallMs, scopeMs(app, scope)))
  };
}

/**
 * Turns a draft into a finding. It is certain only when its scope is over: while more may come,
 * the share of the time that it took may still become too small to mention. An estimated cost
 * makes it no less certain that it happened.
 */
export function slowFinding(app: Application, draft: SlowDraft): Finding {
  const { scope, lost } = draft;
  const { taskMs, wallMs } = lost;
  const whole = scopeMs(app, scope);
  const ended = scope.outcome !== null && scope.outcome !== 'running';
  const settled = ended || (app.endedAt !== null && scope.openJobs.size === 0);
  const hurt = wallMs >= HURT_MS && wallMs >= HURT_SHARE * whole;
  const cost: Cost = {
    taskMs,
    recomputedTasks: draft.recomputedTasks ?? 0,
    wallMs,
    ...(draft.estimated && { estimated: true as const })
  };
  const executors = inOrder(new Set(draft.executors ?? []));
  const jobs = [...new Set(draft.jobs)].sort((a, b) => a - b);
  return {
    id: `${draft.code}:${scope.key}`,
    code: draft.code,
    severity: hurt ? 'warning' : 'info',
    confidence: draft.unsure ? 'possible' : settled ? 'certain' : 'likely',
    title: draft.title,
    explanation: [
      `${capital(draft.what)}.`,
      ...(draft.more ?? []),
      ...costSentence(scope, lost, whole, draft.estimated)
    ].join(' '),
    subject: {
      ...(app.id !== null && { application: app.id }),
      ...(scope.cell !== null && { cell: scope.cell }),
      ...(scope.run !== null && { run: scope.run }),
      ...(jobs.length > 0 && { jobs }),
      ...(draft.stages.length > 0 && {
        stages: [...draft.stages].sort((a, b) => a.id - b.id || a.attempt - b.attempt)
      }),
      ...(executors.length > 0 && { executors })
    },
    evidence: draft.evidence,
    effects: draft.effects ?? [],
    ...((taskMs > 0 || wallMs > 0) && { cost }),
    advice: draft.advice,
    firstSeen: Math.round(draft.firstSeen),
    lastSeen: Math.round(draft.lastSeen),
    count: Math.max(1, draft.count)
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
  const share = whole > 0 ? `, ${percent(Math.min(1, wallMs / whole))} of its time` : '';
  const spent = taskMs > 0 ? ` (${duration(taskMs)} of task time)` : '';
  const how = estimated ? 'By estimate that' : 'That';
  return [`${how} held ${what} up by about ${duration(wallMs)}${share}${spent}.`];
}

/** What detectors need of the stages that they speak about. */
export function placeOfStages(stages: readonly StageFacts[]): {
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

/** " It was alike in 3 more stages." */
export function others(stages: readonly unknown[]): string[] {
  if (stages.length < 2) return [];
  const more = stages.length - 1;
  return [`It was alike in ${more === 1 ? 'one more stage' : `${more} more stages`}.`];
}
