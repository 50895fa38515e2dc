import type { Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { LostWork } from '../application/lost-work.js';
import type { Scope } from '../application/scopes.js';
import { rootOf } from '../eventlog/stack-traces.js';
import { buildFinding } from './build-finding.js';
import { plural } from './format.js';

/** A failed job and its failure message. */
interface Failure {
  job: number;
  message: string;
  evidence: Evidence | null;
  /** Failed attempts with the exception that the message names. */
  entry: LostWork | null;
}

/**
 * Jobs that failed because of an exception in the user's code or data, one finding per scope: all failed jobs
 * that no other finding explains. Spark's message names the exception of the last attempt; earlier attempts
 * with the same exception are effects.
 */
export function taskFailed(
  app: Application,
  unexplained: readonly LostWork[],
  others: readonly Finding[]
): Finding[] {
  const explained = new Set(
    others
      .filter(({ severity }) => severity === 'error')
      .flatMap(({ subject }) => subject.jobs ?? [])
  );
  return [...app.scopes].flatMap(scope => {
    // A cell that succeeded has caught the error.
    if (scope.outcome === 'ok') return [];
    const failed = [...scope.failures].filter(([job]) => !explained.has(job));
    if (failed.length === 0) return [];
    const own = unexplained.filter(one => one.scope === scope.key);
    const failures = failed.map(([job, message]) => ({
      job,
      message,
      evidence: app.jobs.get(job)?.failure ?? null,
      entry: namedIn(message, job, own)
    }));
    return [oneFailed(app, scope, failures)];
  });
}

function oneFailed(app: Application, scope: Scope, failures: readonly Failure[]): Finding {
  // The first failure ended the cell; further ones are counted.
  const first = failures.find(({ entry }) => entry !== null) ?? failures[0]!;
  const { entry } = first;
  const lostWork = [...new Set(failures.flatMap(one => one.entry ?? []))];
  const parsed = entry ? null : exceptionIn(first.message);
  const summary = entry?.summary ?? parsed?.summary ?? first.message.split('\n')[0]!.slice(0, 300);
  const name = entry?.name ?? parsed?.name ?? 'failed';
  const where = entry?.where ?? parsed?.where ?? null;
  const attempts = lostWork.reduce((sum, one) => sum + one.count, 0);
  const messages = new Set(failures.map(({ message }) => message));
  const more = failures.length - failures.filter(one => one.entry === entry).length;
  return buildFinding(app, {
    code: 'task-failed',
    scope,
    confidence: 'certain',
    title: truncated(summary),
    what:
      `${entry || parsed ? 'a task raised' : 'Spark reported'} ${truncated(summary)}` +
      (where === null ? '' : `, at ${where}`),
    more: more > 0 ? [`${plural(more, 'other job')} failed for other reasons.`] : [],
    lostWork,
    evidence: [
      ...lostWork.flatMap(({ evidence }) => evidence ?? []),
      ...failures.flatMap(({ evidence }) => evidence ?? [])
    ],
    effects: attempts > 0 ? [`${plural(attempts, 'task attempt')} failed`] : [],
    advice: [
      {
        action: 'code',
        hint: name,
        sentence:
          where === null
            ? 'Check what can raise this error in your code or data; more memory or a retry will not help.'
            : `Check ${where}; more memory or a retry will not help.`
      }
    ],
    count: Math.max(1, attempts),
    failed: message => messages.has(message),
    seen: failures.flatMap(({ evidence }) => evidence?.at ?? [])
  });
}

/** The lost work of this job whose exception its message names; the largest of several. */
function namedIn(message: string, job: number, lostWork: readonly LostWork[]): LostWork | null {
  const own = lostWork.filter(one => one.jobs.has(job) && one.kind === 'failed');
  const matching = own.filter(
    ({ name, summary }) =>
      (summary !== null && message.includes(summary.slice(0, 60))) ||
      (name !== null && message.includes(name))
  );
  // The trace may be longer than what is kept of the message: then fall back to all failures of the job.
  const candidates = matching.length > 0 ? matching : own;
  return candidates.reduce<LostWork | null>((a, b) => (a && a.count >= b.count ? a : b), null);
}

/** The exception in a job's own message: "… (TID 3) (host executor 1): java.lang.X: …". */
function exceptionIn(
  message: string
): { name: string; summary: string; where: string | null } | null {
  const thrown =
    /\(TID \d+\)[^:\n]*(?:\([^)]*\))?: ([\w.$]+(?:Exception|Error)\b)(?:: )?([\s\S]*)/.exec(
      message
    );
  if (!thrown) return null;
  return rootOf(thrown[1]!, thrown[2]!.split('\n\tat ', 1)[0]!, `${thrown[1]}: ${thrown[2]}`);
}

function truncated(summary: string): string {
  const line = summary.split('\n')[0]!;
  return line.length > 160 ? `${line.slice(0, 157)}…` : line;
}
