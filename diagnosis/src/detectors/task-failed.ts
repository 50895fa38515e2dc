import type { Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { Scope } from '../application/scopes.js';
import type { Setback } from '../application/lost-work.js';
import { rootOf } from '../eventlog/stack-traces.js';
import { finding } from './build-finding.js';
import { plural } from './format.js';

/** Task attempts failed in jobs that succeeded: Spark tried again and said nothing. */
export function taskRetries(app: Application, setbacks: readonly Setback[]): Finding {
  const count = setbacks.reduce((sum, setback) => sum + setback.count, 0);
  const most = setbacks.reduce((a, b) => (b.count > a.count ? b : a));
  const said = most.summary ?? most.evidence?.quote ?? most.kind;
  const why = said.trim().split('\n')[0]!.slice(0, 160);
  const attempts = plural(count, 'task attempt');
  const others = setbacks.length > 1 ? `, and ${plural(setbacks.length - 1, 'other reason')}` : '';
  return finding(app, {
    code: 'task-retries',
    scope: app.scopes.get(most.scope),
    confidence: 'certain',
    title: `${attempts} failed and ${count === 1 ? 'was' : 'were'} tried again`,
    what: `${attempts} failed and had to be tried again (${why}${others})`,
    more: most.where === null ? [] : [`It happened at ${most.where}.`],
    setbacks,
    evidence: setbacks.flatMap(({ evidence }) => evidence ?? []),
    effects: [`${attempts} did not count`],
    advice: [
      {
        action: 'code',
        hint: most.name ?? most.kind,
        sentence: `Spark gives a task ${app.conf['spark.task.maxFailures'] ?? '4'} chances; it fails the cell when one task uses them all up. Look for what can raise this in your code or data.`
      }
    ],
    count,
    failed: () => false
  });
}

/** A job that failed, as its own message tells it. */
interface Failure {
  job: number;
  message: string;
  evidence: Evidence | null;
  /** The exception of its tasks that the message names. */
  setback: Setback | null;
}

/**
 * Jobs that failed by an exception of the user's code or data, one finding for each scope: all jobs
 * that no other finding explains. Spark's message names the last attempt's exception; the attempts
 * before it, of the same class, are its effects.
 */
export function taskFailed(
  app: Application,
  unexplained: readonly Setback[],
  others: readonly Finding[]
): Finding[] {
  const explained = new Set(
    others
      .filter(({ severity }) => severity === 'error')
      .flatMap(({ subject }) => subject.jobs ?? [])
  );
  return [...app.scopes].flatMap(scope => {
    // A cell that went on and ended well has caught the error: it knows.
    if (scope.outcome === 'ok') return [];
    const failed = [...scope.failures].filter(([job]) => !explained.has(job));
    if (failed.length === 0) return [];
    const own = unexplained.filter(one => one.scope === scope.key);
    const failures = failed.map(([job, message]) => ({
      job,
      message,
      evidence: app.jobs.get(job)?.failure ?? null,
      setback: namedIn(message, job, own)
    }));
    return [oneFailed(app, scope, failures)];
  });
}

function oneFailed(app: Application, scope: Scope, failures: readonly Failure[]): Finding {
  // The first is what the cell died of; a cell that goes on after it shows the others below.
  const first = failures.find(({ setback }) => setback !== null) ?? failures[0]!;
  const { setback } = first;
  const setbacks = [...new Set(failures.flatMap(one => one.setback ?? []))];
  const told = setback ? null : toldBy(first.message);
  const summary = setback?.summary ?? told?.summary ?? first.message.split('\n')[0]!.slice(0, 300);
  const name = setback?.name ?? told?.name ?? 'failed';
  const where = setback?.where ?? told?.where ?? null;
  const attempts = setbacks.reduce((sum, one) => sum + one.count, 0);
  const messages = new Set(failures.map(({ message }) => message));
  const more = failures.length - failures.filter(one => one.setback === setback).length;
  return finding(app, {
    code: 'task-failed',
    scope,
    confidence: 'certain',
    title: shown(summary),
    what:
      `${setback || told ? 'a task raised' : 'Spark said'} ${shown(summary)}` +
      (where === null ? '' : `, at ${where}`),
    more: more > 0 ? [`${plural(more, 'other job')} of it failed for other reasons.`] : [],
    setbacks,
    evidence: [
      ...setbacks.flatMap(({ evidence }) => evidence ?? []),
      ...failures.flatMap(({ evidence }) => evidence ?? [])
    ],
    effects: attempts > 0 ? [`${plural(attempts, 'task attempt')} failed with it`] : [],
    advice: [
      {
        action: 'code',
        hint: name,
        sentence:
          where === null
            ? 'Look for what can raise this in your code or data; more memory or another try will not help.'
            : `Look at ${where}; more memory or another try will not help.`
      }
    ],
    count: Math.max(1, attempts),
    failed: message => messages.has(message),
    seen: failures.flatMap(({ evidence }) => evidence?.at ?? [])
  });
}

/** The setback of this job whose exception its message names; the largest if several are. */
function namedIn(message: string, job: number, setbacks: readonly Setback[]): Setback | null {
  const own = setbacks.filter(one => one.jobs.has(job) && one.kind === 'failed');
  const said = own.filter(
    ({ name, summary }) =>
      (summary !== null && message.includes(summary.slice(0, 60))) ||
      (name !== null && message.includes(name))
  );
  // The trace may be longer than what is kept of the message: then the class alone must do.
  const candidates = said.length > 0 ? said : own;
  return candidates.reduce<Setback | null>((a, b) => (a && a.count >= b.count ? a : b), null);
}

/** The exception in a job's own message: "… (TID 3) (host executor 1): java.lang.X: …". */
function toldBy(message: string): { name: string; summary: string; where: string | null } | null {
  const thrown =
    /\(TID \d+\)[^:\n]*(?:\([^)]*\))?: ([\w.$]+(?:Exception|Error)\b)(?:: )?([\s\S]*)/.exec(
      message
    );
  if (!thrown) return null;
  return rootOf(thrown[1]!, thrown[2]!.split('\n\tat ', 1)[0]!, `${thrown[1]}: ${thrown[2]}`);
}

function shown(summary: string): string {
  const line = summary.split('\n')[0]!;
  return line.length > 160 ? `${line.slice(0, 157)}…` : line;
}
