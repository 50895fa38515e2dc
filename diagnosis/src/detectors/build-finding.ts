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
import type { Setback } from '../application/lost-work.js';
import { costOf } from './cost-of-lost-work.js';
import { capital, duration, inOrder, plural } from './format.js';

const EVIDENCE_KEPT = 12;

/** What a detector has to say; the rest of a finding follows from the setbacks. */
export interface Draft {
  code: FindingCode;
  scope: Scope;
  confidence: Confidence;
  title: string;
  /** A clause with the figures, beginning in lower case unless with a name: what happened. */
  what: string;
  /** Whole sentences that come after it. */
  more?: string[];
  setbacks: readonly Setback[];
  /** Executors concerned; default: those of the setbacks. */
  executors?: string[];
  evidence: Evidence[];
  effects?: string[];
  advice: Advice[];
  count: number;
  /** Jobs whose own failure message says that this was the cause. */
  failed: (message: string) => boolean;
  /** Times beyond those of the setbacks. */
  seen?: number[];
  /** Default: what the setbacks took. */
  cost?: Cost;
  /** At least this, whatever the setbacks say. */
  severity?: Severity;
  pod?: string;
}

const SEVERITIES: readonly Severity[] = ['info', 'warning', 'error'];

/** Turns a draft into a finding: subject, severity, cost and the words that every finding shares. */
export function finding(app: Application, draft: Draft): Finding {
  const { scope, setbacks } = draft;
  const cost = draft.cost ?? costOf(setbacks);
  const failedJobs = [...scope.failures].filter(([, message]) => draft.failed(message));
  const suffered: Severity = failedJobs.length > 0 ? 'error' : harmed(draft) ? 'warning' : 'info';
  const severity =
    SEVERITIES[
      Math.max(...[suffered, draft.severity ?? 'info'].map(one => SEVERITIES.indexOf(one)))
    ]!;
  const effects = [...(draft.effects ?? effectsOf(setbacks))];
  if (failedJobs.length > 0) {
    const ids = failedJobs.map(([id]) => id).join(', ');
    effects.push(`${failedJobs.length === 1 ? 'job' : 'jobs'} ${ids} failed by it`);
  }
  const seen = [
    ...setbacks.flatMap(({ firstSeen, lastSeen }) => [firstSeen, lastSeen]),
    ...(draft.seen ?? [])
  ];
  const jobs = new Set([
    ...setbacks.flatMap(({ jobs }) => [...jobs]),
    ...failedJobs.map(([id]) => id)
  ]);
  const stages = new Map(setbacks.flatMap(setback => [...setback.stages]));
  const executors = inOrder(
    new Set(draft.executors ?? setbacks.flatMap(({ executor }) => executor ?? []))
  );
  return {
    id: `${draft.code}:${scope.key}`,
    code: draft.code,
    severity,
    confidence: draft.confidence,
    title: draft.title,
    explanation: [
      lead(scope, draft.what, failedJobs.length > 0 || draft.severity === 'error'),
      ...(draft.more ?? []),
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
      ...(draft.pod !== undefined && { pod: draft.pod })
    },
    evidence: sorted(distinct(draft.evidence).slice(0, EVIDENCE_KEPT)),
    effects,
    cost,
    advice: draft.advice,
    firstSeen: Math.round(seen.length > 0 ? Math.min(...seen) : app.now),
    lastSeen: Math.round(seen.length > 0 ? Math.max(...seen) : app.now),
    count: Math.max(1, draft.count)
  };
}

function harmed({ setbacks }: Draft): boolean {
  return setbacks.some(({ count }) => count > 0);
}

/** Begins with the cell's outcome once it is known; neutral until then. */
function lead(scope: Scope, what: string, byThis: boolean): string {
  const isQuery = scope.key.startsWith('sql:') || isStream(scope);
  const whose = scope.cell !== null ? 'This cell' : isQuery ? 'The query' : 'The job';
  switch (scope.key === APPLICATION_SCOPE ? null : outcomeOf(scope)) {
    case 'ok':
      return `${whose} succeeded, but ${what}.`;
    case 'error':
      return byThis ? `${whose} failed because ${what}.` : `${whose} failed. Before that, ${what}.`;
    case 'cancelled':
      return `${whose} was cancelled; before that, ${what}.`;
    default:
      return `${capital(what)}.`;
  }
}

/** By the notebook if it said something, else by the jobs if they are all over. */
function outcomeOf(scope: Scope): 'ok' | 'error' | 'cancelled' | null {
  if (scope.outcome !== null) return scope.outcome === 'running' ? null : scope.outcome;
  if (scope.openJobs.size > 0 || scope.jobs.total === 0) return null;
  if (scope.failures.size > 0) return 'error';
  // Between two batches a stream has no more succeeded than it has failed.
  if (isStream(scope)) return null;
  return scope.jobs.failed === 0 ? 'ok' : null;
}

/** Work that ran twice and what it took; of a failed job only what was spent for nothing. */
function costSentence(app: Application, scope: Scope, cost: Cost, failed: boolean): string[] {
  if (cost.taskMs <= 0 && cost.recomputedTasks === 0) return [];
  const total = app.dag.progress(scope).tasks.total;
  const again = cost.recomputedTasks;
  const tasks = total > again ? `${again} of ${plural(total, 'task')}` : plural(again, 'task');
  const spent = duration(cost.taskMs);
  if (failed) {
    const tried = again > 0 ? `${tasks} ${again === 1 ? 'was' : 'were'} tried again; ` : '';
    return [`${tried}${spent} of task time was spent for nothing.`];
  }
  const what = scope.cell === null ? 'it' : 'the cell';
  const ran = again > 0 ? `${tasks} ran twice; that` : 'That';
  // Work that was lost after it was done holds nothing up until it is done again.
  const held = cost.wallMs > 0 ? ` and held ${what} up by about ${duration(cost.wallMs)}` : '';
  return [`${ran} cost ${spent} of task time${held}.`];
}

/** What setbacks did, in the order of cause and effect. */
export function effectsOf(setbacks: readonly Setback[]): string[] {
  const count = (kind: Setback['kind']): number =>
    setbacks.reduce((sum, setback) => sum + (setback.kind === kind ? setback.count : 0), 0);
  const effects: string[] = [];
  const lost = count('lost');
  if (lost > 0) effects.push(`${plural(lost, 'running task attempt')} died with it`);
  const undone = count('undone');
  if (undone > 0) {
    effects.push(`the output of ${plural(undone, 'finished task')} was lost with it`);
  }
  const fetch = count('fetch');
  const results = count('result-lost');
  if (results > 0) {
    effects.push(`the results of ${plural(results, 'task attempt')} were lost with it`);
  }
  if (fetch > 0) {
    effects.push(`${plural(fetch, 'task attempt')} could not read shuffle blocks from it`);
  }
  const reruns = setbacks.filter(({ kind }) => kind === 'rerun');
  const stages = new Set(reruns.flatMap(({ stages }) => [...stages.values()].map(({ id }) => id)));
  if (stages.size > 0) {
    const ids = [...stages].sort((a, b) => a - b);
    effects.push(
      `${ids.length === 1 ? 'stage' : 'stages'} ${ids.join(', ')} had to do ` +
        `${plural(count('rerun'), 'finished task')} again`
    );
  }
  return effects;
}

/** One counter or log may be told as evidence for each of many executors. */
function distinct(evidence: readonly Evidence[]): Evidence[] {
  return [...new Map(evidence.map(one => [`${one.ref}\n${one.quote}`, one])).values()];
}

function sorted(evidence: readonly Evidence[]): Evidence[] {
  const at = (one: Evidence): number => one.at ?? Infinity;
  return [...evidence].sort(
    (a, b) => at(a) - at(b) || (a.ref < b.ref ? -1 : a.ref > b.ref ? 1 : a.quote < b.quote ? -1 : 1)
  );
}
