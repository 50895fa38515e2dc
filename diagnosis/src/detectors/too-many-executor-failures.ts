import type { Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { buildFinding } from './build-finding.js';
import { type DriverEnd, effectsOfDriverEnd, connectionErrors, scopeAtEnd } from './driver-exit.js';

/** SparkExitCode.EXCEED_MAX_EXECUTOR_FAILURES. */
const TOO_MANY_FAILURES = 11;

/** Spark ended the application because too many executors failed. The failures have findings of their own. */
export function tooManyExecutorFailures(app: Application, ends: readonly DriverEnd[]): Finding[] {
  const signals = app.logSignals.of('too-many-failures');
  const exits = ends.filter(({ exitCode }) => exitCode === TOO_MANY_FAILURES);
  if (signals.length === 0 && exits.length === 0) return [];
  const quotes = signals.map(({ evidence }) => evidence);
  const allowed = quotes
    .map(({ quote }) => /Max number of executor failures \((\d+)\)/.exec(quote)?.[1])
    .find(number => number !== undefined);
  const most = allowed === undefined ? 'too many executors' : `more than ${allowed} executors`;
  const times = [...exits.map(({ at }) => at), ...signals.map(({ lastSeen }) => lastSeen)];
  return [
    buildFinding(app, {
      code: 'too-many-executor-failures',
      scope: scopeAtEnd(app, exits[0]?.at ?? null),
      confidence: 'certain',
      title: 'Spark gave up: too many executors failed',
      what: `${most} failed, and Spark ended the application`,
      more: ['The other findings say why each executor failed.'],
      lostWork: [],
      evidence: [...quotes, ...exits.map(({ evidence }) => evidence), ...connectionErrors(app)],
      effects: effectsOfDriverEnd(app),
      advice: [
        {
          action: 'code',
          hint: 'cause-first',
          sentence:
            'Fix the cause of the executor failures; a higher limit (spark.executor.maxNumFailures) only delays the end.'
        }
      ],
      count: 1,
      failed: () => false,
      seen: times.flatMap(at => at ?? []),
      severity: 'error'
    })
  ];
}
