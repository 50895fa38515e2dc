import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { Outage } from '../application/share-outages.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import type { Setback } from '../application/lost-work.js';
import type { SqlFailure } from '../application/sql-executions.js';
import { SHARE_GONE } from '../eventlog/task-outcome.js';
import type { ShareObservation } from '../observation.js';
import { finding } from './build-finding.js';
import { queriesFailedBy } from './failed-queries.js';
import { capital, duration, inOrder, named, plural } from './format.js';

/** What one scope had of shares that were away. */
interface Suffered {
  outages: Outage[];
  setbacks: Setback[];
  queries: SqlFailure[];
}

/**
 * Catalogues that stopped answering: by the probe of their mount, or by tasks that read from them. An outage is told under
 * the cells that ran meanwhile: as an error while it lasts, as a warning when it is over. One that is over and that no
 * cell saw is nobody's trouble.
 */
export function shareUnavailable(app: Application, unexplained: readonly Setback[]): Finding[] {
  const failures = unexplained.filter(({ kind }) => kind === 'share');
  const queries = queriesFailedBy(app, SHARE_GONE);
  const outages = app.outages.all.filter(({ from }) => from < (app.endedAt ?? Infinity));
  const suffered = new Map<string, Suffered>();
  const of = (scope: string): Suffered => {
    const one = suffered.get(scope) ?? { outages: [], setbacks: [], queries: [] };
    suffered.set(scope, one);
    return one;
  };
  for (const failure of failures) of(failure.scope).setbacks.push(failure);
  for (const failure of queries) of(failure.scope).queries.push(failure);
  // Whatever failed by it says so; the probe adds the name.
  for (const outage of outages) {
    for (const scope of scopesOf(app, outage, [...suffered.keys()])) of(scope).outages.push(outage);
  }
  return [...suffered].map(([scope, all]) => unavailable(app, scope, all));
}

function scopesOf(app: Application, { from, to }: Outage, hit: readonly string[]): string[] {
  const atWork = [...app.scopes].filter(
    ({ cell, startedAt, endedAt }) =>
      cell !== null &&
      startedAt !== null &&
      startedAt <= (to ?? Infinity) &&
      (endedAt ?? Infinity) >= from
  );
  const scopes = new Set([...hit, ...atWork.map(({ key }) => key)]);
  if (scopes.size > 0) return [...scopes];
  return to === null ? [APPLICATION_SCOPE] : [];
}

function unavailable(
  app: Application,
  scope: string,
  { outages, setbacks, queries }: Suffered
): Finding {
  const tasks = setbacks.reduce((sum, { count }) => sum + count, 0);
  const names = inOrder(new Set(outages.map(({ share }) => share)));
  const which = names.length === 0 ? 'a mounted catalogue' : named('catalogue', names);
  const away = outages.filter(({ to }) => to === null);
  const failed = tasks + queries.length > 0;
  const over = outages.length > 0 && away.length === 0;
  return finding(app, {
    code: 'share-unavailable',
    scope: app.scopes.get(scope),
    confidence: 'certain',
    title: `${capital(which)} ${titleOf(outages)}`,
    what:
      tasks > 0
        ? `${plural(tasks, 'task attempt')} could not read ${which}: it stopped answering`
        : queries.length > 0
          ? `the driver could not read ${which}: it stopped answering`
          : whatOf(which, outages),
    more: failed ? [] : moreOf(away),
    setbacks,
    evidence: [
      ...setbacks.flatMap(({ evidence }) => evidence ?? []),
      ...queries.map(({ evidence }) => evidence),
      ...outages.flatMap(({ seen, back }) => [probe(seen), ...(back ? [probe(back)] : [])])
    ],
    effects: [
      ...(tasks > 0 ? [`${plural(tasks, 'task attempt')} failed with it`] : []),
      ...(queries.length > 0 ? [`${plural(queries.length, 'query', 'queries')} failed by it`] : [])
    ],
    advice: [adviceFor(failed, over, outages)],
    count: Math.max(1, tasks + queries.length, outages.length),
    failed: message => SHARE_GONE.test(message),
    seen: [
      ...outages.flatMap(({ from, to, seen }) => [from, to ?? seen.at]),
      ...queries.flatMap(({ evidence }) => evidence.at ?? [])
    ],
    severity:
      queries.length > 0 || (away.length > 0 && scope !== APPLICATION_SCOPE) ? 'error' : 'warning'
  });
}

function titleOf(outages: readonly Outage[]): string {
  const away = outages.filter(({ to }) => to === null);
  if (outages.length > 0 && away.length === 0) return 'answers again';
  if (away.length === 0) return 'stopped answering';
  return away.every(isGone) ? 'is gone' : 'does not answer';
}

function whatOf(which: string, outages: readonly Outage[]): string {
  const away = outages.filter(({ to }) => to === null);
  const longest = Math.max(0, ...outages.map(({ from, to }) => (to ?? from) - from));
  if (away.length === 0) {
    const often = outages.length > 1 ? ` ${outages.length} times, the longest` : '';
    return outages.every(isGone)
      ? `${which} was gone${often} for ${duration(longest)}`
      : `${which} did not answer${often} for ${duration(longest)}`;
  }
  const since = clock(Math.min(...away.map(({ from }) => from)));
  return away.every(isGone)
    ? `${which} is gone since ${since}`
    : `${which} does not answer since ${since}`;
}

/** What it means for whoever waits. */
function moreOf(away: readonly Outage[]): string[] {
  if (away.length === 0) return [];
  return away.every(isGone)
    ? ['Whatever reads from it now fails, or finds no data.']
    : ['Whatever reads from it now waits, without an error, for as long as it takes.'];
}

function adviceFor(failed: boolean, over: boolean, outages: readonly Outage[]): Advice {
  if (over && !failed) {
    return {
      action: 'code',
      hint: 'check-result',
      sentence: outages.some(isGone)
        ? 'Nothing in your code caused this. Run the cell again: what it read while the catalogue was gone may be missing.'
        : 'Nothing in your code caused this, and nothing has to be done: what waited went on when the catalogue answered again.'
    };
  }
  if (failed || outages.length === 0 || outages.every(isGone)) {
    return {
      action: 'code',
      hint: 'run-again',
      sentence:
        'Nothing in your code caused this. Run the cell again when the catalogue answers; an executor that was started before may have to be replaced.'
    };
  }
  return {
    action: 'code',
    hint: 'wait-or-interrupt',
    sentence:
      'Nothing in your code caused this. Tell the people who run the platform that its file server does not answer. The cell goes on by itself when it does; interrupt it if you do not want to wait: your variables are kept.'
  };
}

const isGone = ({ seen }: Outage): boolean => seen.state === 'gone';

/** Of the day, in UTC: findings are the same wherever they are read. */
function clock(at: number): string {
  return `${new Date(at).toISOString().slice(11, 19)} UTC`;
}

function probe({ at, message, ref }: ShareObservation): Evidence {
  return { source: 'log', at, quote: message, ref };
}
