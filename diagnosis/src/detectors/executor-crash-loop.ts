import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { ExecutorFacts } from '../application/executors.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import type { Incident } from './executor-incidents.js';
import { exitsBeforeRegistration } from './never-registered.js';

/** Removal reasons of planned exits, in the wording of Spark and of resource managers. */
const PLANNED = /killed by driver|idle|decommission|shutdown|shutting down/i;
/** A single early exit is not a crash loop. */
const MIN_EXITS = 2;
/** Executors without any work that are kept; see HARMLESS_KEPT of Executors. */
const REMEMBERED = 100;

/** Executors that kept exiting, unplanned and before they ran a task, while work waited for executors. */
export interface CrashLoop {
  ids: ReadonlySet<string>;
  /** "3 executors", "100 executors or more". */
  count: string;
  /** Why the last ones exited. */
  evidence: Evidence[];
}

/** @param from when the wait began, ms since the epoch */
export function crashLoop(app: Application, from: number): CrashLoop | null {
  // Exits before the last successful registration are over.
  const lastRegistration = Math.max(0, ...[...app.executors].map(({ addedAt }) => addedAt ?? 0));
  const neverRegistered = exitsBeforeRegistration(app).filter(({ at }) => at >= lastRegistration);
  const early = new Set(neverRegistered.map(({ id }) => id));
  const ended = [...app.executors].filter(
    one => exitedWithoutWork(one, from) && !early.has(one.id)
  );
  if (ended.length + neverRegistered.length < MIN_EXITS) return null;
  const reasons = ended.flatMap(({ reasons }) => reasons.filter(one => one.from === 'removed'));
  const more = ended.length >= REMEMBERED ? ' or more' : '';
  return {
    ids: new Set([...ended, ...neverRegistered].map(({ id }) => id)),
    count: `${ended.length + neverRegistered.length} executors${more}`,
    evidence: [...reasons, ...neverRegistered].slice(-2).map(({ evidence }) => evidence)
  };
}

/**
 * Adjusts the finding about executors that exited before they registered with the driver: no data was lost,
 * but work that waits for executors is delayed.
 */
export function describeNeverRegistered({ losses, scope }: Incident, found: Finding): Finding {
  if (losses.length === 0 || !losses.every(({ neverRegistered }) => neverRegistered)) return found;
  const delays = losses.length >= MIN_EXITS || scope.key !== APPLICATION_SCOPE;
  const severity = found.severity === 'info' && delays ? 'warning' : found.severity;
  if (found.code !== 'executor-lost') return { ...found, severity };
  const one = losses.length === 1;
  return {
    ...found,
    severity,
    title: `${one ? `Executor ${losses[0]!.executor.id}` : `${losses.length} executors`} exited before ${one ? 'it' : 'they'} registered with the driver`,
    advice: [lookAtExecutors()]
  };
}

function exitedWithoutWork(executor: ExecutorFacts, from: number): boolean {
  const { removedAt, done, failed, running, reasons } = executor;
  if (removedAt === null || removedAt < from || done + failed + running > 0) return false;
  return reasons.some(({ text }) => !PLANNED.test(text));
}

export function lookAtExecutors(): Advice {
  return {
    action: 'code',
    hint: 'look-at-executors',
    sentence:
      'Find out why executors exit right after they start: see the log of one of them, or the quotes in the evidence (typical causes: an invalid JVM option, no connection to the driver, too little memory). Fewer or smaller executors will not help.'
  };
}

/**
 * If it is known why executors keep exiting, the work that waits for them is an effect of that cause.
 * @param waits findings about work that waits for executors
 */
export function joinCrashLoop(
  app: Application,
  others: readonly Finding[],
  waits: readonly Finding[]
): Finding[] {
  let findings = [...others];
  for (const wait of waits) {
    const loop = wait.subject.executors ? crashLoop(app, wait.firstSeen) : null;
    const cause = findings.find(
      ({ code, subject }) =>
        code.startsWith('executor-') && subject.executors?.some(id => loop?.ids.has(id))
    );
    if (!cause) {
      findings.push(wait);
      continue;
    }
    // A cause without a cell belongs to the cell that waits.
    const id = `${cause.code}${wait.id.slice(wait.code.length)}`;
    const belongsToWait =
      cause.id === `${cause.code}:${APPLICATION_SCOPE}` && findings.every(one => one.id !== id);
    const joined: Finding = {
      ...cause,
      ...(belongsToWait && { id, subject: { ...wait.subject, ...cause.subject } }),
      severity: cause.severity === 'error' ? 'error' : wait.severity,
      effects: [...cause.effects, wait.explanation.replace(/\.$/, '')],
      firstSeen: Math.min(cause.firstSeen, wait.firstSeen),
      lastSeen: Math.max(cause.lastSeen, wait.lastSeen)
    };
    findings = findings.map(one => (one === cause ? joined : one));
  }
  return findings;
}
