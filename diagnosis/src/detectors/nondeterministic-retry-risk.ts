import type { Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import type { LostWork } from '../application/lost-work.js';
import { buildFinding } from './build-finding.js';
import { sortIds, formatNames } from './format.js';

/** Message of DAGScheduler when it cannot roll back, Spark 2.4 to 4.x. */
const CANNOT_ROLL_BACK = /with indeterminate output was failed and retried|cannot rollback the/;

/**
 * Lost output was recomputed although its results differ between runs (rand(), uuid(), a repartition of
 * unsorted rows). Spark rolls back dependent stages where it can and fails the job where it cannot; data
 * that was already written or collected is not rolled back.
 * Sources: the RDD's `DeterministicLevel` in the log (Spark 3.4 and later), messages of the DAGScheduler.
 */
export function nondeterministicRetryRisk(app: Application): Finding[] {
  const repeated = [...app.lostWork].filter(
    ({ kind, indeterminate }) =>
      (kind === 'rerun' || kind === 'resubmitted') && indeterminate.size > 0
  );
  const aborted = [...app.jobs.values()].filter(({ failure }) =>
    CANNOT_ROLL_BACK.test(failure?.quote ?? '')
  );
  const signals = app.logSignals.of('indeterminate');
  const scopes = new Set([...repeated, ...aborted].map(({ scope }) => scope));
  if (scopes.size === 0 && signals.length > 0) scopes.add(APPLICATION_SCOPE);
  return [...scopes].map(scope => {
    const evidence: Evidence[] = [
      ...aborted.flatMap(job => (job.scope === scope && job.failure ? [job.failure] : [])),
      ...repeated.flatMap(entry => (entry.scope === scope ? (entry.evidence ?? []) : [])),
      ...signals.map(signal => signal.evidence)
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
  repeated: readonly LostWork[],
  evidence: readonly Evidence[]
): Finding {
  const stages = sortIds(new Set(repeated.flatMap(one => [...one.indeterminate].map(String))));
  const which = stages.length === 0 ? 'a stage' : formatNames('stage', stages);
  const failed = [...app.scopes.get(scope).failures.values()].some(text =>
    CANNOT_ROLL_BACK.test(text)
  );
  return buildFinding(app, {
    code: 'nondeterministic-retry-risk',
    scope: app.scopes.get(scope),
    confidence: failed || repeated.length === 0 ? 'certain' : 'likely',
    title: 'Nondeterministic work was recomputed: results may be inconsistent',
    what: failed
      ? `lost output of ${which} could not be recomputed: its results differ (nondeterministic), and other stages had already used them`
      : `lost output of ${which} was recomputed, and its results may differ (nondeterministic)`,
    more: failed
      ? []
      : ['Data that was already written or collected may be inconsistent with the rest.'],
    lostWork: [],
    evidence: [...evidence],
    effects: [],
    advice: [
      {
        action: 'code',
        hint: 'checkpoint',
        sentence:
          'Make the computation deterministic: write the table with random columns (rand, uuid, monotonically_increasing_id) once and read it back, use fixed seeds, and pass columns to repartition().'
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
