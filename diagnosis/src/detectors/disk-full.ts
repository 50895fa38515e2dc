import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { parseMiB } from '../application/spark-conf.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import type { LostWork } from '../application/lost-work.js';
import type { SqlFailure } from '../application/sql-executions.js';
import { DISK_FULL } from '../eventlog/task-outcome.js';
import { roundUp } from './memory-advice.js';
import { effectsOf, buildFinding } from './build-finding.js';
import type { Incident } from './executor-incidents.js';
import { formatIds } from './format.js';
import { bystanders, failedWithExecutor, evidenceOf } from './incident-details.js';
import { queriesFailedBy } from './failed-queries.js';
import { sortIds, formatMiB, formatNames, plural } from './format.js';

/** Tasks or executors that ran out of space on their scratch disks. */
export function diskFull(app: Application, incident: Incident): Finding {
  const { losses, lostWork, scope } = incident;
  const thrown = lostWork.filter(({ kind }) => kind === 'disk');
  const tasks = thrown.reduce((sum, { count }) => sum + count, 0);
  const ids = sortIds(
    new Set([
      ...losses.map(loss => loss.executor.id),
      ...thrown.flatMap(({ executor }) => executor ?? [])
    ])
  );
  const where = ids.length === 1 ? formatNames('executor', ids) : `executors ${formatIds(ids)}`;
  return buildFinding(app, {
    code: 'disk-full',
    scope,
    confidence: 'certain',
    title: `The scratch disk of ${where} is full`,
    what:
      tasks > 0
        ? `${plural(tasks, 'task attempt')} failed because the scratch disk of ${where}${directoryOf(app)} was full`
        : `${where} ${ids.length === 1 ? 'was' : 'were'} lost because the disks of the node were full or broken`,
    more: [
      'Shuffles, spills and cached tables are written there; it is cleared when the session ends.'
    ],
    lostWork,
    executors: ids,
    evidence: [...evidenceOf(incident), ...signalEvidence(app)],
    effects: [
      ...(tasks > 0 ? [`${plural(tasks, 'task attempt')} failed`] : []),
      ...effectsOf(lostWork),
      ...bystanders(app, incident)
    ],
    advice: [...moreScratch(app, thrown), writeLess()],
    count: Math.max(tasks, losses.length),
    failed: message => DISK_FULL.test(message) || failedWithExecutor(message, ids),
    seen: losses.map(loss => loss.at)
  });
}

/** Queries that failed because a disk of the driver was full; otherwise what only the logs report. */
export function diskFullByLogs(app: Application): Finding[] {
  const queries = queriesFailedBy(app, DISK_FULL);
  const scopes = new Set(queries.map(({ scope }) => scope));
  if (scopes.size > 0) {
    return [...scopes].map(scope => driverDiskFull(app, scope, queries));
  }
  const signals = app.logSignals.of('disk-full');
  if (signals.length === 0) return [];
  const count = signals.reduce((sum, signal) => sum + signal.count, 0);
  const ids = signals.flatMap(({ who }) => (typeof who === 'object' ? [who.executor] : []));
  const where = ids.length === 0 ? 'the driver' : formatNames('executor', sortIds(new Set(ids)));
  return [
    buildFinding(app, {
      code: 'disk-full',
      scope: app.scopes.get(APPLICATION_SCOPE),
      confidence: 'certain',
      title: `A disk of ${where} is full`,
      what: `a disk of ${where} was full, according to ${ids.length > 1 ? 'their logs' : 'its log'}`,
      lostWork: [],
      executors: ids,
      evidence: signalEvidence(app),
      effects: [],
      advice: [writeLess()],
      count,
      failed: message => DISK_FULL.test(message),
      seen: signals.flatMap(({ firstSeen, lastSeen }) => [firstSeen ?? [], lastSeen ?? []].flat()),
      severity: 'warning'
    })
  ];
}

function driverDiskFull(app: Application, key: string, all: readonly SqlFailure[]): Finding {
  const own = all.filter(({ scope }) => scope === key).map(({ evidence }) => evidence);
  return buildFinding(app, {
    code: 'disk-full',
    scope: app.scopes.get(key),
    confidence: 'certain',
    title: 'A disk of the driver is full',
    what: 'a disk of the driver was full',
    lostWork: [],
    executors: [],
    evidence: [...own, ...signalEvidence(app)],
    effects: [`${plural(own.length, 'query', 'queries')} failed because of it`],
    advice: [writeLess()],
    count: own.length,
    failed: message => DISK_FULL.test(message),
    seen: own.flatMap(({ at }) => at ?? []),
    severity: 'error'
  });
}

function signalEvidence(app: Application): Evidence[] {
  return app.logSignals.of('disk-full').map(({ evidence }) => evidence);
}

/** The configured scratch directory, unless the cluster manager chooses it. */
function directoryOf(app: Application): string {
  const directory = app.conf['spark.local.dir'];
  const managed = /^(?:k8s|yarn)/.test(app.conf['spark.master'] ?? '');
  return directory === undefined || managed ? '' : ` (${directory})`;
}

function writeLess(): Advice {
  return {
    action: 'code',
    hint: 'write-less',
    sentence:
      'Write less: select only the columns that you need before a join or sort, and unpersist tables that you no longer need. More executors spread the data over more disks.'
  };
}

const MIB = 2 ** 20;

/**
 * Scratch space that the stage would have needed on each executor, estimated from its finished tasks:
 *
 * kept = shuffle data of all finished tasks on the executors at that time; left = average bytes written by a
 * finished task of the stage (shuffle and spill) × its unfinished tasks; needed = 1.25 × (kept + left) ÷ executors.
 * If no task of the stage finished, twice the data that was on disk when it was full.
 */
function moreScratch(app: Application, thrown: readonly LostWork[]): Advice[] {
  const since = Math.min(...thrown.map(({ firstSeen }) => firstSeen));
  const active = [...app.executors].filter(
    ({ addedAt, removedAt }) => addedAt !== null && (removedAt ?? Infinity) >= since
  );
  const count = Math.max(1, active.length);
  const kept = active.reduce((sum, { work }) => sum + work.shuffleWriteBytes, 0) / MIB;
  const stages = thrown.flatMap(({ output }) => output ?? []);
  const known = stages.filter(({ done, bytes }) => done > 0 && bytes > 0);
  if (kept === 0 && known.length === 0) return [];
  const left = Math.max(
    0,
    ...known.map(({ done, tasks, bytes }) => ((bytes / done) * (tasks - done)) / MIB)
  );
  const needed = roundUp((left > 0 ? 1.25 * (kept + left) : 2 * kept) / count);
  const written = `${count === 1 ? 'the executor' : 'each executor'} had ${formatMiB(kept / count)} of shuffle data when the disk was full`;
  const more =
    left > 0
      ? `, and the remaining tasks would have written about ${formatMiB(left / count)} more`
      : '';
  const limit = scratchLimit(app);
  const instead = limit ? ` instead of ${formatMiB(limit.mib)}` : '';
  const sentence = `Give each executor at least ${formatMiB(needed)} of scratch space${instead}: ${written}${more}.`;
  if (limit) return [{ action: 'set', conf: { [limit.key]: `${needed}Mi` }, sentence }];
  return [{ action: 'code', hint: `scratch-space(${needed}m)`, sentence }];
}

/** The size limit of the scratch volume, where Spark creates it. */
function scratchLimit(app: Application): { key: string; mib: number } | null {
  const size =
    /^spark\.kubernetes\.executor\.volumes\.emptyDir\.spark-local-dir-[^.]+\.options\.sizeLimit$/;
  for (const [key, value] of Object.entries(app.conf)) {
    const mib = size.test(key) ? parseMiB(value.replace(/i$/, ''), 'b') : null;
    if (mib !== null) return { key, mib };
  }
  return null;
}
