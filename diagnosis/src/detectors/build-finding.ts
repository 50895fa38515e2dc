import type {
  Advice,
  Confidence,
  Cost,
  Evidence,
  Finding,
  FindingCode,
  Severity
} from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { APPLICATION_SCOPE, isStream, type Scope } from '../application/scopes.js';
import type { LostWork } from '../application/lost-work.js';
import { costOf } from './cost-of-lost-work.js';
import { capitalize, formatDuration, sortIds, plural } from './format.js';

const EVIDENCE_KEPT = 12;

/** What a detector reports; the rest of a finding follows from the lost work. */
export interface FindingInput {
  code: FindingCode;
  scope: Scope;
  confidence: Confidence;
  title: string;
  /** A clause that says what happened, with numbers; in lower case unless it starts with a name. */
  what: string;
  /** Sentences that follow it. */
  more?: string[];
  lostWork: readonly LostWork[];
  /** Default: the executors of the lost work. */
  executors?: string[];
  evidence: Evidence[];
  effects?: string[];
  advice: Advice[];
  count: number;
  /** Whether a job's failure message names this cause. */
  failed: (message: string) => boolean;
  /** Times in addition to those of the lost work, ms since the epoch. */
  seen?: number[];
  /** Default: the cost of the lost work. */
  cost?: Cost;
  /** Minimum severity. */
  severity?: Severity;
  pod?: string;
}

const SEVERITIES: readonly Severity[] = ['info', 'warning', 'error'];

/** Builds a finding: derives subject, severity, cost and the sentences that all findings share. */
export function buildFinding(app: Application, input: FindingInput): Finding {
  const { scope, lostWork } = input;
  const cost = input.cost ?? costOf(lostWork);
  const failedJobs = [...scope.failures].filter(([, message]) => input.failed(message));
  const derived: Severity =
    failedJobs.length > 0 ? 'error' : hasLostWork(input) ? 'warning' : 'info';
  const severity =
    SEVERITIES[
      Math.max(...[derived, input.severity ?? 'info'].map(one => SEVERITIES.indexOf(one)))
    ]!;
  const effects = [...(input.effects ?? effectsOf(lostWork))];
  if (failedJobs.length > 0) {
    const ids = failedJobs.map(([id]) => id).join(', ');
    effects.push(`${failedJobs.length === 1 ? 'job' : 'jobs'} ${ids} failed because of it`);
  }
  const seen = [
    ...lostWork.flatMap(({ firstSeen, lastSeen }) => [firstSeen, lastSeen]),
    ...(input.seen ?? [])
  ];
  const jobs = new Set([
    ...lostWork.flatMap(({ jobs }) => [...jobs]),
    ...failedJobs.map(([id]) => id)
  ]);
  const stages = new Map(lostWork.flatMap(entry => [...entry.stages]));
  const executors = sortIds(
    new Set(input.executors ?? lostWork.flatMap(({ executor }) => executor ?? []))
  );
  return {
    id: `${input.code}:${scope.key}`,
    code: input.code,
    severity,
    confidence: input.confidence,
    title: input.title,
    explanation: [
      lead(scope, input.what, failedJobs.length > 0 || input.severity === 'error'),
      ...(input.more ?? []),
      ...costSentence(app, scope, cost, failedJobs.length > 0)
    ].join(' '),
    subject: {
      ...(app.id !== null && { application: app.id }),
      ...(scope.cell !== null && { cell: scope.cell }),
      ...(scope.run !== null && { run: scope.run }),
      ...(jobs.size > 0 && { jobs: [...jobs].sort((a, b) => a - b) }),
      ...(stages.size > 0 && {
        stages: [...stages.values()].sort((a, b) => a.id - b.id || a.attempt - b.attempt)
      }),
      ...(executors.length > 0 && { executors }),
      ...(input.pod !== undefined && { pod: input.pod })
    },
    evidence: sorted(distinct(input.evidence).slice(0, EVIDENCE_KEPT)),
    effects,
    cost,
    advice: input.advice,
    firstSeen: Math.round(seen.length > 0 ? Math.min(...seen) : app.now),
    lastSeen: Math.round(seen.length > 0 ? Math.max(...seen) : app.now),
    count: Math.max(1, input.count)
  };
}

function hasLostWork({ lostWork }: FindingInput): boolean {
  return lostWork.some(({ count }) => count > 0);
}

/** Starts with the outcome of the cell once it is known. */
function lead(scope: Scope, what: string, byThis: boolean): string {
  const isQuery = scope.key.startsWith('sql:') || isStream(scope);
  const whose = scope.cell !== null ? 'This cell' : isQuery ? 'The query' : 'The job';
  switch (scope.key === APPLICATION_SCOPE ? null : outcomeOf(scope)) {
    case 'ok':
      return `${whose} succeeded, but ${what}.`;
    case 'error':
      return byThis ? `${whose} failed because ${what}.` : `${whose} failed. Before that, ${what}.`;
    case 'cancelled':
      return `${whose} was cancelled. Before that, ${what}.`;
    default:
      return `${capitalize(what)}.`;
  }
}

/** As reported by the notebook; otherwise from the jobs, once all have ended. */
function outcomeOf(scope: Scope): 'ok' | 'error' | 'cancelled' | null {
  if (scope.outcome !== null) return scope.outcome === 'running' ? null : scope.outcome;
  if (scope.openJobs.size > 0 || scope.jobs.total === 0) return null;
  if (scope.failures.size > 0) return 'error';
  // A stream has no outcome between two batches.
  if (isStream(scope)) return null;
  return scope.jobs.failed === 0 ? 'ok' : null;
}

/** Recomputed tasks and task time; for a failed job only the wasted time. */
function costSentence(app: Application, scope: Scope, cost: Cost, failed: boolean): string[] {
  if (cost.taskMs <= 0 && cost.recomputedTasks === 0) return [];
  const total = app.dag.progress(scope).tasks.total;
  const again = cost.recomputedTasks;
  const tasks = total > again ? `${again} of ${plural(total, 'task')}` : plural(again, 'task');
  const spent = formatDuration(cost.taskMs);
  if (failed) {
    const tried = again > 0 ? `${tasks} ${again === 1 ? 'was' : 'were'} retried; ` : '';
    return [`${tried}${spent} of task time was wasted.`];
  }
  const what = scope.cell === null ? 'it' : 'the cell';
  const ran = again > 0 ? `${tasks} ran twice; that` : 'That';
  // Lost output delays nothing until it is recomputed.
  const delayed =
    cost.wallMs > 0 ? ` and delayed ${what} by about ${formatDuration(cost.wallMs)}` : '';
  return [`${ran} cost ${spent} of task time${delayed}.`];
}

/** The effects of lost work, in causal order. */
export function effectsOf(lostWork: readonly LostWork[]): string[] {
  const count = (kind: LostWork['kind']): number =>
    lostWork.reduce((sum, entry) => sum + (entry.kind === kind ? entry.count : 0), 0);
  const effects: string[] = [];
  const lost = count('lost');
  if (lost > 0) effects.push(`${plural(lost, 'running task attempt')} failed with it`);
  const resubmitted = count('resubmitted');
  if (resubmitted > 0) {
    effects.push(`the output of ${plural(resubmitted, 'finished task')} was lost with it`);
  }
  const fetch = count('fetch');
  const results = count('result-lost');
  if (results > 0) {
    effects.push(`the results of ${plural(results, 'task attempt')} were lost with it`);
  }
  if (fetch > 0) {
    effects.push(`${plural(fetch, 'task attempt')} could not read shuffle blocks from it`);
  }
  const reruns = lostWork.filter(({ kind }) => kind === 'rerun');
  const stages = new Set(reruns.flatMap(({ stages }) => [...stages.values()].map(({ id }) => id)));
  if (stages.size > 0) {
    const ids = [...stages].sort((a, b) => a - b);
    effects.push(
      `${ids.length === 1 ? 'stage' : 'stages'} ${ids.join(', ')} had to recompute ` +
        `${plural(count('rerun'), 'finished task')}`
    );
  }
  return effects;
}

/** The same counter or log line may be evidence for several executors. */
function distinct(evidence: readonly Evidence[]): Evidence[] {
  return [...new Map(evidence.map(one => [`${one.ref}\n${one.quote}`, one])).values()];
}

function sorted(evidence: readonly Evidence[]): Evidence[] {
  const at = (one: Evidence): number => one.at ?? Infinity;
  return [...evidence].sort(
    (a, b) => at(a) - at(b) || (a.ref < b.ref ? -1 : a.ref > b.ref ? 1 : a.quote < b.quote ? -1 : 1)
  );
}
