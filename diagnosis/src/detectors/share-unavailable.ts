import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { ShareOutage } from '../application/share-outages.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import type { LostWork } from '../application/lost-work.js';
import type { SqlFailure } from '../application/sql-executions.js';
import { SHARE_GONE } from '../eventlog/task-outcome.js';
import type { ShareObservation } from '../observation.js';
import { buildFinding } from './build-finding.js';
import { queriesFailedBy } from './failed-queries.js';
import { capitalize, formatDuration, sortIds, formatNames, plural } from './format.js';

/** How one scope was affected by unavailable shares. */
interface Affected {
  outages: ShareOutage[];
  lostWork: LostWork[];
  queries: SqlFailure[];
}

/**
 * Catalogues that stopped responding, according to the probe of their mount or to tasks that read from them. An outage is
 * reported under the cells that were running: as an error while it lasts, as a warning when it is over. An outage that is
 * over and affected no cell is not reported.
 */
export function shareUnavailable(app: Application, unexplained: readonly LostWork[]): Finding[] {
  const failures = unexplained.filter(({ kind }) => kind === 'share');
  const queries = queriesFailedBy(app, SHARE_GONE);
  const outages = app.outages.all.filter(({ from }) => from < (app.endedAt ?? Infinity));
  const affected = new Map<string, Affected>();
  const of = (scope: string): Affected => {
    const one = affected.get(scope) ?? { outages: [], lostWork: [], queries: [] };
    affected.set(scope, one);
    return one;
  };
  for (const failure of failures) of(failure.scope).lostWork.push(failure);
  for (const failure of queries) of(failure.scope).queries.push(failure);
  // Failed work belongs to its scope; the probe adds the name of the share.
  for (const outage of outages) {
    for (const scope of scopesOf(app, outage, [...affected.keys()])) of(scope).outages.push(outage);
  }
  return [...affected].map(([scope, all]) => unavailable(app, scope, all));
}

function scopesOf(app: Application, { from, to }: ShareOutage, hit: readonly string[]): string[] {
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
  { outages, lostWork, queries }: Affected
): Finding {
  const tasks = lostWork.reduce((sum, { count }) => sum + count, 0);
  const names = sortIds(new Set(outages.map(({ share }) => share)));
  const which = names.length === 0 ? 'a mounted catalogue' : formatNames('catalogue', names);
  const current = outages.filter(({ to }) => to === null);
  const failed = tasks + queries.length > 0;
  const over = outages.length > 0 && current.length === 0;
  return buildFinding(app, {
    code: 'share-unavailable',
    scope: app.scopes.get(scope),
    confidence: 'certain',
    title: `${capitalize(which)} ${titleOf(outages)}`,
    what:
      tasks > 0
        ? `${plural(tasks, 'task attempt')} could not read ${which}: it stopped responding`
        : queries.length > 0
          ? `the driver could not read ${which}: it stopped responding`
          : whatOf(which, outages),
    more: failed ? [] : consequences(current),
    lostWork,
    evidence: [
      ...lostWork.flatMap(({ evidence }) => evidence ?? []),
      ...queries.map(({ evidence }) => evidence),
      ...outages.flatMap(({ seen, back }) => [probe(seen), ...(back ? [probe(back)] : [])])
    ],
    effects: [
      ...(tasks > 0 ? [`${plural(tasks, 'task attempt')} failed`] : []),
      ...(queries.length > 0 ? [`${plural(queries.length, 'query', 'queries')} failed`] : [])
    ],
    advice: [adviceFor(failed, over, outages)],
    count: Math.max(1, tasks + queries.length, outages.length),
    failed: message => SHARE_GONE.test(message),
    seen: [
      ...outages.flatMap(({ from, to, seen }) => [from, to ?? seen.at]),
      ...queries.flatMap(({ evidence }) => evidence.at ?? [])
    ],
    severity:
      queries.length > 0 || (current.length > 0 && scope !== APPLICATION_SCOPE)
        ? 'error'
        : 'warning'
  });
}

function titleOf(outages: readonly ShareOutage[]): string {
  const current = outages.filter(({ to }) => to === null);
  if (outages.length > 0 && current.length === 0) return 'is available again';
  if (current.length === 0) return 'stopped responding';
  return current.every(isGone) ? 'is gone' : 'does not respond';
}

function whatOf(which: string, outages: readonly ShareOutage[]): string {
  const current = outages.filter(({ to }) => to === null);
  const longest = Math.max(0, ...outages.map(({ from, to }) => (to ?? from) - from));
  if (current.length === 0) {
    const often = outages.length > 1 ? ` ${outages.length} times, the longest` : '';
    return outages.every(isGone)
      ? `${which} was gone${often} for ${formatDuration(longest)}`
      : `${which} did not respond${often} for ${formatDuration(longest)}`;
  }
  const since = formatUtcTime(Math.min(...current.map(({ from }) => from)));
  return current.every(isGone)
    ? `${which} has been gone since ${since}`
    : `${which} has not responded since ${since}`;
}

/** What an ongoing outage means for running work. */
function consequences(current: readonly ShareOutage[]): string[] {
  if (current.length === 0) return [];
  return current.every(isGone)
    ? ['Reads from it fail or return no data.']
    : ['Reads from it hang, without an error, until it responds again.'];
}

function adviceFor(failed: boolean, over: boolean, outages: readonly ShareOutage[]): Advice {
  if (over && !failed) {
    return {
      action: 'code',
      hint: 'check-result',
      sentence: outages.some(isGone)
        ? 'Your code did not cause this. Run the cell again: data that it read while the catalogue was gone may be missing.'
        : 'Your code did not cause this, and no action is needed: reads continued when the catalogue responded again.'
    };
  }
  if (failed || outages.length === 0 || outages.every(isGone)) {
    return {
      action: 'code',
      hint: 'run-again',
      sentence:
        'Your code did not cause this. Run the cell again when the catalogue is available; executors that were already running may have to be replaced.'
    };
  }
  return {
    action: 'code',
    hint: 'wait-or-interrupt',
    sentence:
      'Your code did not cause this. Tell your administrators that the file server of the catalogue does not respond. The cell continues by itself when it responds again; interrupt the cell if you do not want to wait: your variables are kept.'
  };
}

const isGone = ({ seen }: ShareOutage): boolean => seen.state === 'gone';

/** Time of day in UTC, so that findings do not depend on the reader's time zone. */
function formatUtcTime(at: number): string {
  return `${new Date(at).toISOString().slice(11, 19)} UTC`;
}

function probe({ at, message, ref }: ShareObservation): Evidence {
  return { source: 'log', at, quote: message, ref };
}
