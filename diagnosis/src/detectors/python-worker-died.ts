import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { podsByExecutor } from '../application/pod-ownership.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import type { LostWork } from '../application/lost-work.js';
import { larger } from '../eventlog/task-metrics.js';
import { moreOverhead, roundUp } from './memory-advice.js';
import { buildFinding } from './build-finding.js';
import type { Incident } from './executor-incidents.js';
import { childOomEnd } from './container-ends.js';
import { sortIds, formatMiB, formatNames, plural } from './format.js';

/**
 * Python workers that died while running tasks. Certain if a memory limit is the proven cause: the
 * executor's cgroup counted an OOM kill that the end of its JVM does not explain, the executor's container
 * is marked OOMKilled although it ended in another way, or Python reached `spark.executor.pyspark.memory`.
 * Otherwise memory is the usual cause. It is certainly not the cause if the counters of all these executors'
 * cgroups, read afterwards, show no OOM kill: then a signal or a crash of native code remains.
 */
export function pythonWorkerDied(
  app: Application,
  lostWork: readonly LostWork[],
  incidents: readonly Incident[]
): Finding {
  const crashes = lostWork.filter(({ kind }) => kind === 'crash');
  const refused = lostWork.filter(({ kind }) => kind === 'memory-error');
  const ids = sortIds(new Set(lostWork.flatMap(({ executor }) => executor ?? [])));
  const scope = app.scopes.get(lostWork[0]!.scope);
  const kills = crashes.flatMap(({ executor }) => killsOf(app, executor, incidents));
  const deaths = sum(crashes);
  const limit = app.granted.pysparkMiB;
  const where = formatNames('executor', ids);
  const died = Math.min(...lostWork.map(({ firstSeen }) => firstSeen));
  const measured = memoryFigures(app, ids, died);
  const memoryIsProved = kills.length > 0 || refused.length > 0;
  const inFigures = measured.length > 0 ? ` (${measured.join(', ')})` : '';
  const noKills = memoryIsProved ? [] : countersWithoutKills(app, crashes);
  const notMemory = noKills.length > 0;
  return buildFinding(app, {
    code: 'python-worker-died',
    scope,
    confidence: memoryIsProved || notMemory ? 'certain' : 'likely',
    title: memoryIsProved
      ? `Python workers ran out of memory on ${where}`
      : notMemory
        ? `Python workers died on ${where}, not for lack of memory`
        : `Python workers died on ${where}, probably for lack of memory`,
    what:
      kills.length > 0
        ? `the Linux OOM killer killed the Python workers of ${plural(deaths, 'task attempt')} on ${where}${inFigures}`
        : notMemory
          ? `the Python workers of ${plural(deaths, 'task attempt')} died on ${where}; no OOM kill was counted there${inFigures}`
          : deaths > 0
            ? `the Python workers of ${plural(deaths, 'task attempt')} died on ${where}, which usually means that they ran out of memory${inFigures}`
            : `the Python workers of ${plural(sum(refused), 'task attempt')} on ${where} reached their limit of ${formatMiB(limit ?? 0)} (spark.executor.pyspark.memory)`,
    more: [
      ...(notMemory ? ['Either another process sent them a signal, or native code crashed.'] : []),
      ...(deaths > 0 && kills.length === 0 ? ['The executors kept running.'] : [])
    ],
    lostWork,
    executors: ids,
    evidence: [...lostWork.flatMap(({ evidence }) => evidence ?? []), ...kills, ...noKills],
    effects: [`${plural(deaths + sum(refused), 'task attempt')} failed`],
    advice: [
      ...(refused.length > 0 && limit !== null ? [raisePysparkMemory(limit)] : []),
      ...(notMemory
        ? [enableFaulthandler(false)]
        : deaths > 0
          ? advise(app, ids, died, kills.length > 0)
          : [])
    ],
    count: deaths + sum(refused),
    failed: message =>
      /Python worker exited unexpectedly|MemoryError|failed to map segment from shared/.test(
        message
      )
  });
}

/**
 * Containers that are marked OOMKilled although they ended later in another way: a process other than the
 * JVM was killed, usually a Python worker, and no task reported it.
 */
export function childKilled(
  app: Application,
  incidents: readonly Incident[],
  others: readonly Finding[]
): Finding[] {
  const reported = new Set([
    ...incidents.flatMap(({ losses }) => losses.map(({ executor }) => executor.id)),
    ...others
      .filter(({ code }) => code === 'python-worker-died')
      .flatMap(({ subject }) => subject.executors ?? [])
  ]);
  const killed = [...podsByExecutor(app)].flatMap(([id, pod]) => {
    const end = reported.has(id) ? null : childOomEnd(pod);
    return end ? [{ id, end, pod }] : [];
  });
  if (killed.length === 0) return [];
  const ids = sortIds(killed.map(({ id }) => id));
  const where = formatNames('executor', ids);
  return [
    buildFinding(app, {
      code: 'python-worker-died',
      scope: app.scopes.get(APPLICATION_SCOPE),
      confidence: 'likely',
      title: `A process other than the JVM was killed for lack of memory on ${where}`,
      what: `the Linux OOM killer killed a process on ${where} other than the JVM, usually a Python worker`,
      more: ['The executor kept running, and no task failed because of it.'],
      lostWork: [],
      executors: ids,
      evidence: killed.map(({ end }) => end.evidence),
      effects: [],
      advice: advise(app, ids, null, true),
      count: killed.length,
      failed: () => false,
      seen: killed.flatMap(({ end }) => end.at ?? [])
    })
  ];
}

/** OOM kills in an executor's cgroup, except the one that ended the executor itself. */
function killsOf(app: Application, id: string | null, incidents: readonly Incident[]): Evidence[] {
  const executor = id === null ? undefined : app.executors.find(id);
  const pod = id === null ? undefined : podsByExecutor(app).get(id);
  const marked = pod && childOomEnd(pod);
  if (marked) return [marked.evidence];
  if (!executor) return [];
  const jvmKilled = incidents.some(
    ({ code, losses }) =>
      code === 'executor-oom-killed' && losses.some(loss => loss.executor === executor)
  );
  const { kills, oomKills } = executor.memory;
  const last = kills.get(oomKills);
  if (!last || oomKills <= (jvmKilled ? 1 : 0)) return [];
  return [{ source: 'cgroup', at: last.at, quote: last.quote, ref: last.ref }];
}

/**
 * Counters that exclude an OOM kill: one for every executor whose workers died, read after the last death,
 * none of which counts a kill. Empty if one is missing.
 */
function countersWithoutKills(app: Application, crashes: readonly LostWork[]): Evidence[] {
  const readings = crashes.map(({ executor, lastSeen }) => {
    const own = executor === null ? null : app.executors.find(executor)?.memory.cgroup;
    const last = own ?? app.sharedCgroup.cgroup;
    return last && last.at >= lastSeen && last.oomKills === 0 ? last : null;
  });
  if (app.sharedCgroup.oomKills > 0 || readings.some(one => one === null)) return [];
  return readings.flatMap(one =>
    one ? [{ source: 'cgroup' as const, at: one.at, quote: one.quote, ref: one.ref }] : []
  );
}

function memoryFigures(app: Application, ids: readonly string[], at: number): string[] {
  const limit = limitOf(app, ids, at);
  const python = pythonOf(app, ids, limit);
  return [
    ...(limit === null
      ? []
      : [
          `executor limit ${formatMiB(limit)}`,
          `maximum Java heap ${formatMiB(app.granted.heapMiB)}`
        ]),
    ...(python === null ? [] : [`Python workers used ${formatMiB(python)}`])
  ];
}

function advise(
  app: Application,
  ids: readonly string[],
  at: number | null,
  proved: boolean
): Advice[] {
  const limit = limitOf(app, ids, at);
  const python = pythonOf(app, ids, limit);
  const resize =
    limit === null
      ? []
      : [moreOverhead(app.granted, { limitMiB: limit, usedMiB: null, pythonMiB: python }, proved)];
  if (proved) return resize;
  return [...resize, enableFaulthandler(true)];
}

/** @param afterMemory whether more memory should be tried first */
function enableFaulthandler(afterMemory: boolean): Advice {
  const settings = 'these settings make Python print where it crashed';
  return {
    action: 'set',
    conf: {
      'spark.python.worker.faulthandler.enabled': 'true',
      'spark.sql.execution.pyspark.udf.faulthandler.enabled': 'true'
    },
    sentence: afterMemory
      ? `If more memory does not help, the cause is probably a crash in native code: ${settings}.`
      : `More memory will not help. If it happens again, ${settings}; if nothing is printed, another process sent a signal.`
  };
}

/** The worker reached its own limit: the next step is twice as much. */
function raisePysparkMemory(limitMiB: number): Advice {
  const more = roundUp(2 * limitMiB);
  return {
    action: 'set',
    conf: { 'spark.executor.pyspark.memory': `${more}m` },
    sentence: `Give Python ${formatMiB(more)} per executor instead of ${formatMiB(limitMiB)}, or halve the data per task.`
  };
}

/** The largest limit of these executors at that time, MiB. */
function limitOf(app: Application, ids: readonly string[], at: number | null): number | null {
  const pods = podsByExecutor(app);
  return ids
    .map(
      id =>
        app.executors.find(id)?.memory.limitMiB ??
        pods.get(id)?.limits.at(at) ??
        app.granted.limitMiB
    )
    .reduce(larger, null);
}

function pythonOf(
  app: Application,
  ids: readonly string[],
  limitMiB: number | null
): number | null {
  return ids
    .map(id => app.executors.find(id)?.memory.pythonAtLimit(limitMiB ?? 0) ?? null)
    .reduce(larger, null);
}

function sum(lostWork: readonly LostWork[]): number {
  return lostWork.reduce((count, entry) => count + entry.count, 0);
}
