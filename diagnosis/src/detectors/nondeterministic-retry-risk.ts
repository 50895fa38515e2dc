import type { Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import type { Setback } from '../application/lost-work.js';
import { finding } from './build-finding.js';
import { inOrder, named } from './format.js';

/** DAGScheduler's words when it cannot roll back any more, Spark 2.4 to 4.x. */
const CANNOT_ROLL_BACK = /with indeterminate output was failed and retried|cannot rollback the/;

/**
 * Work was lost and done again whose rows come out otherwise each time (rand(), uuid(), a repartition
 * of unsorted rows). Spark rolls back what depends on it where it can and fails the job where it
 * cannot; what was written or collected before is not taken back.
 * Who says so: the RDD's `DeterministicLevel` in the log (Spark 3.4 and later), the DAGScheduler.
 */
export function nondeterministicRetryRisk(app: Application): Finding[] {
  const repeated = [...app.setbacks].filter(
    ({ kind, indeterminate }) => (kind === 'rerun' || kind === 'undone') && indeterminate.size > 0
  );
  const aborted = [...app.jobs.values()].filter(({ failure }) =>
    CANNOT_ROLL_BACK.test(failure?.quote ?? '')
  );
  const accounts = app.accounts.of('indeterminate');
  const scopes = new Set([...repeated, ...aborted].map(({ scope }) => scope));
  if (scopes.size === 0 && accounts.length > 0) scopes.add(APPLICATION_SCOPE);
  return [...scopes].map(scope => {
    const evidence: Evidence[] = [
      ...aborted.flatMap(job => (job.scope === scope && job.failure ? [job.failure] : [])),
      ...repeated.flatMap(setback => (setback.scope === scope ? (setback.evidence ?? []) : [])),
      ...accounts.map(account => account.evidence)
    ];
    return risk(
      app,
      scope,
      repeated.filter(one => one.scope === scope),
      evidence
    );
  });
}

function risk(
  app: Application,
  scope: string,
  repeated: readonly Setback[],
  evidence: readonly Evidence[]
): Finding {
  const stages = inOrder(new Set(repeated.flatMap(one => [...one.indeterminate].map(String))));
  const which = stages.length === 0 ? 'a stage' : named('stage', stages);
  const failed = [...app.scopes.get(scope).failures.values()].some(text =>
    CANNOT_ROLL_BACK.test(text)
  );
  return finding(app, {
    code: 'nondeterministic-retry-risk',
    scope: app.scopes.get(scope),
    confidence: failed || repeated.length === 0 ? 'certain' : 'likely',
    title: 'Work was done again that may give another result each time',
    what: failed
      ? `lost output of ${which} could not be made again: its rows come out otherwise each time, and others had used them already`
      : `lost output of ${which} was computed again, and its rows may come out otherwise each time`,
    more: failed ? [] : ['What had been written or collected before may not fit the rest.'],
    setbacks: [],
    evidence: [...evidence],
    effects: [],
    advice: [
      {
        action: 'code',
        hint: 'checkpoint',
        sentence:
          'Make it repeatable: write the table that has random columns (rand, uuid, monotonically_increasing_id) once and read it back, use fixed seeds, and give repartition() columns to go by.'
      }
    ],
    count: Math.max(1, stages.length),
    failed: message => CANNOT_ROLL_BACK.test(message),
    seen: [
      ...repeated.flatMap(({ firstSeen, lastSeen }) => [firstSeen, lastSeen]),
      ...evidence.flatMap(({ at }) => at ?? [])
    ],
    severity: 'warning'
  });
}
