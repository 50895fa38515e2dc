import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { podsByExecutor } from '../application/pod-ownership.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import type { Setback } from '../application/lost-work.js';
import { larger } from '../eventlog/task-metrics.js';
import { moreOverhead, roundUp } from './memory-advice.js';
import { finding } from './build-finding.js';
import type { Incident } from './executor-incidents.js';
import { childOomEnd } from './container-ends.js';
import { inOrder, memory, named, plural } from './format.js';

/**
 * Python workers that died under their tasks. Certain if a memory limit says so: the kernel counted
 * a kill in the executor's cgroup that the end of its JVM does not explain, the executor's container
 * is marked as OOMKilled although it ended in another way, or Python itself met
 * `spark.executor.pyspark.memory`. Else memory is only the usual cause; and certainly it was not, if the
 * counters of all their executors' cgroups, read afterwards, show no kill: then somebody's signal or a
 * crash of native code is left.
 */
export function pythonWorkerDied(
  app: Application,
  setbacks: readonly Setback[],
  incidents: readonly Incident[]
): Finding {
  const crashes = setbacks.filter(({ kind }) => kind === 'crash');
  const refused = setbacks.filter(({ kind }) => kind === 'memory-error');
  const ids = inOrder(new Set(setbacks.flatMap(({ executor }) => executor ?? [])));
  const scope = app.scopes.get(setbacks[0]!.scope);
  const kills = crashes.flatMap(({ executor }) => killsOf(app, executor, incidents));
  const deaths = sum(crashes);
  const limit = app.granted.pysparkMiB;
  const where = named('executor', ids);
  const died = Math.min(...setbacks.map(({ firstSeen }) => firstSeen));
  const measured = figuresOf(app, ids, died);
  const memoryIsProved = kills.length > 0 || refused.length > 0;
  const inFigures = measured.length > 0 ? ` (${measured.join(', ')})` : '';
  const innocent = memoryIsProved ? [] : withoutKills(app, crashes);
  const notMemory = innocent.length > 0;
  return finding(app, {
    code: 'python-worker-died',
    scope,
    confidence: memoryIsProved || notMemory ? 'certain' : 'likely',
    title: memoryIsProved
      ? `Python workers ran out of memory on ${where}`
      : notMemory
        ? `Python workers died on ${where}, but not for lack of memory`
        : `Python workers died on ${where}, probably for lack of memory`,
    what:
      kills.length > 0
        ? `the kernel's out-of-memory killer killed the Python workers of ${plural(deaths, 'task attempt')} on ${where}${inFigures}`
        : notMemory
          ? `the Python workers of ${plural(deaths, 'task attempt')} vanished on ${where}; the kernel counted no kill for memory there${inFigures}`
          : deaths > 0
            ? `the Python workers of ${plural(deaths, 'task attempt')} vanished on ${where}, which mostly means that memory ran out${inFigures}`
            : `the Python workers of ${plural(sum(refused), 'task attempt')} on ${where} met their limit of ${memory(limit ?? 0)} (spark.executor.pyspark.memory)`,
    more: [
      ...(notMemory
        ? ['So something sent them a signal, or native code that they called crashed.']
        : []),
      ...(deaths > 0 && kills.length === 0 ? ['The executors themselves lived on.'] : [])
    ],
    setbacks,
    executors: ids,
    evidence: [...setbacks.flatMap(({ evidence }) => evidence ?? []), ...kills, ...innocent],
    effects: [`${plural(deaths + sum(refused), 'task attempt')} failed with it`],
    advice: [
      ...(refused.length > 0 && limit !== null ? [raisePysparkMemory(limit)] : []),
      ...(notMemory
        ? [sayWhere(false)]
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
 * Containers that are marked as OOMKilled although they ended later and in another way: a process
 * beside the JVM was killed, mostly a Python worker, and no task told of it.
 */
export function childKilled(
  app: Application,
  incidents: readonly Incident[],
  others: readonly Finding[]
): Finding[] {
  const told = new Set([
    ...incidents.flatMap(({ losses }) => losses.map(({ executor }) => executor.id)),
    ...others
      .filter(({ code }) => code === 'python-worker-died')
      .flatMap(({ subject }) => subject.executors ?? [])
  ]);
  const killed = [...podsByExecutor(app)].flatMap(([id, pod]) => {
    const end = told.has(id) ? null : childOomEnd(pod);
    return end ? [{ id, end, pod }] : [];
  });
  if (killed.length === 0) return [];
  const ids = inOrder(killed.map(({ id }) => id));
  const where = named('executor', ids);
  return [
    finding(app, {
      code: 'python-worker-died',
      scope: app.scopes.get(APPLICATION_SCOPE),
      confidence: 'likely',
      title: `A process beside the Java machine was killed for lack of memory on ${where}`,
      what: `the kernel's out-of-memory killer killed a process on ${where} that is not its Java machine, mostly a Python worker`,
      more: ['The executor lived on, and no task failed by it.'],
      setbacks: [],
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

/** The kernel's kills in an executor's cgroup, without the one that ended the executor itself. */
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
 * The counters that clear the kernel: of every executor whose workers vanished, read after the last of them
 * did, and none of them counts a kill. Empty if one is missing.
 */
function withoutKills(app: Application, crashes: readonly Setback[]): Evidence[] {
  const readings = crashes.map(({ executor, lastSeen }) => {
    const own = executor === null ? null : app.executors.find(executor)?.memory.cgroup;
    const last = own ?? app.together.cgroup;
    return last && last.at >= lastSeen && last.oomKills === 0 ? last : null;
  });
  if (app.together.oomKills > 0 || readings.some(one => one === null)) return [];
  return readings.flatMap(one =>
    one ? [{ source: 'cgroup' as const, at: one.at, quote: one.quote, ref: one.ref }] : []
  );
}

function figuresOf(app: Application, ids: readonly string[], at: number): string[] {
  const limit = limitOf(app, ids, at);
  const python = pythonOf(app, ids, limit);
  return [
    ...(limit === null
      ? []
      : [
          `limit of the executor ${memory(limit)}`,
          `the Java heap may take ${memory(app.granted.heapMiB)}`
        ]),
    ...(python === null ? [] : [`Python workers used ${memory(python)}`])
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
  return [...resize, sayWhere(true)];
}

/** @param afterMemory whether more memory is to be tried first */
function sayWhere(afterMemory: boolean): Advice {
  const settings = 'these settings make Python say where it crashed';
  return {
    action: 'set',
    conf: {
      'spark.python.worker.faulthandler.enabled': 'true',
      'spark.sql.execution.pyspark.udf.faulthandler.enabled': 'true'
    },
    sentence: afterMemory
      ? `If more memory does not help, ${settings}: then it is a fault in native code, not memory.`
      : `More memory will not help. If it comes back, ${settings}; if they say nothing, somebody sent a signal.`
  };
}

/** The worker met its own limit, so it needs more than that: twice is the next step. */
function raisePysparkMemory(limitMiB: number): Advice {
  const more = roundUp(2 * limitMiB);
  return {
    action: 'set',
    conf: { 'spark.executor.pyspark.memory': `${more}m` },
    sentence: `Give Python ${memory(more)} per executor in place of ${memory(limitMiB)}, or let each task hold half as much data.`
  };
}

/** The largest limit that one of the executors had then. */
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

function sum(setbacks: readonly Setback[]): number {
  return setbacks.reduce((count, setback) => count + setback.count, 0);
}
