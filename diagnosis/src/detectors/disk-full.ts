import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { parseMiB } from '../application/spark-conf.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import type { Setback } from '../application/lost-work.js';
import type { SqlFailure } from '../application/sql-executions.js';
import { DISK_FULL } from '../eventlog/task-outcome.js';
import { roundUp } from './memory-advice.js';
import { effectsOf, finding } from './build-finding.js';
import type { Incident } from './executor-incidents.js';
import { bystanders, diedWith, evidenceOf, listed } from './executor-oom-killed.js';
import { queriesFailedBy } from './failed-queries.js';
import { inOrder, memory, named, plural } from './format.js';

/** Tasks or executors that found no room on their scratch disks. */
export function diskFull(app: Application, incident: Incident): Finding {
  const { losses, setbacks, scope } = incident;
  const thrown = setbacks.filter(({ kind }) => kind === 'disk');
  const tasks = thrown.reduce((sum, { count }) => sum + count, 0);
  const ids = inOrder(
    new Set([
      ...losses.map(loss => loss.executor.id),
      ...thrown.flatMap(({ executor }) => executor ?? [])
    ])
  );
  const where = ids.length === 1 ? named('executor', ids) : `executors ${listed(ids)}`;
  return finding(app, {
    code: 'disk-full',
    scope,
    confidence: 'certain',
    title: `No space was left on the scratch disk of ${where}`,
    what:
      tasks > 0
        ? `${plural(tasks, 'task attempt')} found no space left on the scratch disk of ${where}${directoryOf(app)}`
        : `${where} went away because the disks of the node were full or broken`,
    more: [
      'Shuffles, sorts that do not fit in memory and cached tables all write there; it is emptied when the session ends.'
    ],
    setbacks,
    executors: ids,
    evidence: [...evidenceOf(incident), ...accountsOf(app)],
    effects: [
      ...(tasks > 0 ? [`${plural(tasks, 'task attempt')} failed with it`] : []),
      ...effectsOf(setbacks),
      ...bystanders(app, incident)
    ],
    advice: [...moreScratch(app, thrown), writeLess()],
    count: Math.max(tasks, losses.length),
    failed: message => DISK_FULL.test(message) || diedWith(message, ids),
    seen: losses.map(loss => loss.at)
  });
}

/** Queries that the driver failed because its own disk was full; else what logs alone say. */
export function diskFullByLogs(app: Application): Finding[] {
  const queries = queriesFailedBy(app, DISK_FULL);
  const scopes = new Set(queries.map(({ scope }) => scope));
  if (scopes.size > 0) {
    return [...scopes].map(scope => driverDiskFull(app, scope, queries));
  }
  const accounts = app.accounts.of('disk-full');
  if (accounts.length === 0) return [];
  const count = accounts.reduce((sum, account) => sum + account.count, 0);
  const ids = accounts.flatMap(({ who }) => (typeof who === 'object' ? [who.executor] : []));
  const where = ids.length === 0 ? 'the driver' : named('executor', inOrder(new Set(ids)));
  return [
    finding(app, {
      code: 'disk-full',
      scope: app.scopes.get(APPLICATION_SCOPE),
      confidence: 'certain',
      title: `No space was left on a disk of ${where}`,
      what: `${where} found no space left on a disk, by ${ids.length > 1 ? 'their logs' : 'its log'}`,
      setbacks: [],
      executors: ids,
      evidence: accountsOf(app),
      effects: [],
      advice: [writeLess()],
      count,
      failed: message => DISK_FULL.test(message),
      seen: accounts.flatMap(({ firstSeen, lastSeen }) => [firstSeen ?? [], lastSeen ?? []].flat()),
      severity: 'warning'
    })
  ];
}

function driverDiskFull(app: Application, key: string, all: readonly SqlFailure[]): Finding {
  const own = all.filter(({ scope }) => scope === key).map(({ evidence }) => evidence);
  return finding(app, {
    code: 'disk-full',
    scope: app.scopes.get(key),
    confidence: 'certain',
    title: 'No space was left on a disk of the driver',
    what: 'the driver found no space left on a disk',
    setbacks: [],
    executors: [],
    evidence: [...own, ...accountsOf(app)],
    effects: [`${plural(own.length, 'query', 'queries')} failed by it`],
    advice: [writeLess()],
    count: own.length,
    failed: message => DISK_FULL.test(message),
    seen: own.flatMap(({ at }) => at ?? []),
    severity: 'error'
  });
}

function accountsOf(app: Application): Evidence[] {
  return app.accounts.of('disk-full').map(({ evidence }) => evidence);
}

/** Where Spark was told to put its scratch files, unless the cluster manager decides it. */
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
      'Write less at once: keep only the columns that you need before a join or sort, and unpersist tables that you do not need any more. More executors share the writing among more disks.'
  };
}

const MIB = 2 ** 20;

/**
 * Scratch space that the stage would have needed on each executor, by what its finished tasks wrote:
 *
 * kept = shuffle data of all finished tasks on the executors that were there; left = what a finished task of the
 * stage wrote on average (shuffle and spill) × its tasks that were not done; needed = 1.25 × (kept + left) ÷ executors.
 * If no task of the stage came through, only what was there when the disk was full is known: twice of it.
 */
function moreScratch(app: Application, thrown: readonly Setback[]): Advice[] {
  const since = Math.min(...thrown.map(({ firstSeen }) => firstSeen));
  const there = [...app.executors].filter(
    ({ addedAt, removedAt }) => addedAt !== null && (removedAt ?? Infinity) >= since
  );
  const count = Math.max(1, there.length);
  const kept = there.reduce((sum, { work }) => sum + work.shuffleWriteBytes, 0) / MIB;
  const stages = thrown.flatMap(({ output }) => output ?? []);
  const known = stages.filter(({ done, bytes }) => done > 0 && bytes > 0);
  if (kept === 0 && known.length === 0) return [];
  const left = Math.max(
    0,
    ...known.map(({ done, tasks, bytes }) => ((bytes / done) * (tasks - done)) / MIB)
  );
  const needed = roundUp((left > 0 ? 1.25 * (kept + left) : 2 * kept) / count);
  const written = `${memory(kept / count)} of shuffle data lay there on ${count === 1 ? 'its' : 'each'} executor when it was full`;
  const more =
    left > 0
      ? `, and by the tasks that came through, ${memory(left / count)} more were to come`
      : '';
  const limit = scratchLimit(app);
  const instead = limit ? ` in place of ${memory(limit.mib)}` : '';
  const sentence = `Give each executor at least ${memory(needed)} of scratch space${instead}: ${written}${more}.`;
  if (limit) return [{ action: 'set', conf: { [limit.key]: `${needed}Mi` }, sentence }];
  return [{ action: 'code', hint: `scratch-space(${needed}m)`, sentence }];
}

/** The size of the volume for scratch files, where Spark makes it itself. */
function scratchLimit(app: Application): { key: string; mib: number } | null {
  const size =
    /^spark\.kubernetes\.executor\.volumes\.emptyDir\.spark-local-dir-[^.]+\.options\.sizeLimit$/;
  for (const [key, value] of Object.entries(app.conf)) {
    const mib = size.test(key) ? parseMiB(value.replace(/i$/, ''), 'b') : null;
    if (mib !== null) return { key, mib };
  }
  return null;
}
