import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { podsOfApplication } from '../application/pod-ownership.js';
import type { Note, ApplicationPod } from '../application/pod-facts.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import { LONG_WAIT_MS, type ExecutorWait } from '../application/executor-waits.js';
import { crashLoop, lookAtExecutors } from './executor-crash-loop.js';
import { buildFinding } from './build-finding.js';
import { shortageClauses, neededClause, schedulerSentence } from './scheduler-message.js';
import { formatDuration, formatMiB, formatNames, plural } from './format.js';

/** A job that has waited this long for its first executor is reported, ms. */
const HANGS_MS = 30_000;
/** A wait that is over is a warning from this length on, ms; shorter waits are normal for a starting cluster. */
const TOO_LONG_MS = 300_000;
/** TaskSchedulerImpl warns every spark.starvation.timeout (15 s): this many warnings are more than a slow start. */
const WARNINGS = 4;

/** A pod of an executor or driver that cannot be scheduled. */
interface Unplaced {
  pod: ApplicationPod;
  note: Note;
}

/**
 * Work that waits for executors. Certain if a scheduler (Kubernetes, YARN, Spark) reports it; likely for a
 * job that started without any executor and has not run a task yet.
 * The cost in wallMs is the time from the start of the job to the first task of any job.
 */
export function clusterPending(app: Application): Finding[] {
  const troubled = troubledPods(app);
  const unplaced = troubled.filter(isUnplaced);
  const starved = app.logSignals.of('not-accepted');
  const quota = app.logSignals.of('quota');
  const accepted = [...app.logSignals.yarn.values()].filter(
    ({ state, application, container }) =>
      state === 'ACCEPTED' && container === null && (app.id === null || application === app.id)
  );
  const now = Math.max(app.now, app.observerTime);
  const open = app.endedAt === null ? app.waits.open : [];
  const schedulerEvidence: Evidence[] = [
    ...quota.map(signal => signal.evidence),
    ...starved.map(signal => signal.evidence),
    ...accepted.map(({ diagnostics, at, ref }) => ({
      source: 'log' as const,
      at,
      quote: diagnostics,
      ref
    }))
  ];
  const evidence = [...unplaced.map(({ note }) => note.evidence), ...schedulerEvidence];
  const reported =
    unplaced.length > 0 || quota.length > 0 || (accepted.length > 0 && app.events === 0);
  const warnings = starved.reduce((sum, { count }) => sum + count, 0);
  const hanging = open.filter(
    wait =>
      reported || warnings >= WARNINGS || now - wait.from >= HANGS_MS || starvedAtEnd(app, warnings)
  );
  const waited = app.waits.over.filter(({ from, to }) => (to ?? now) - from >= LONG_WAIT_MS);
  if (hanging.length > 0 || waited.length > 0) {
    const scopes = new Set([...hanging, ...waited].map(({ scope }) => scope));
    return [...scopes].map(scope => {
      const own = ({ scope: other }: ExecutorWait): boolean => other === scope;
      const still = hanging.filter(own);
      // Pods that were scheduled in the end delayed the waits that are over.
      const pods = still.length > 0 ? unplaced : troubled;
      const all = [...pods.map(({ note }) => note.evidence), ...schedulerEvidence];
      return waiting(app, scope, still, waited.filter(own), pods, all, now);
    });
  }
  // Deleted pods are not needed any more.
  const missed = unplaced.filter(({ pod }) => pod.facts.deletedAt === null);
  if (app.endedAt !== null || (missed.length === 0 && schedulerEvidence.length === 0)) return [];
  if (missed.length === 0 && !reported && warnings < WARNINGS) return [];
  return [shortage(app, missed, missed.length > 0 ? evidence : schedulerEvidence, warnings)];
}

/** The log is truncated while a job waits and Spark has warned about it. */
function starvedAtEnd(app: Application, warnings: number): boolean {
  return app.logEnded && warnings > 0;
}

function waiting(
  app: Application,
  scope: string,
  hanging: readonly ExecutorWait[],
  waited: readonly ExecutorWait[],
  unplaced: readonly Unplaced[],
  evidence: readonly Evidence[],
  now: number
): Finding {
  const waits = [...hanging, ...waited];
  const from = Math.min(...waits.map(wait => wait.from));
  const to = Math.max(...waits.map(wait => wait.to ?? now));
  const still = hanging.length > 0;
  const time = formatDuration(Math.max(0, to - from));
  const jobs = waits.map(({ job }) => String(job)).sort((a, b) => Number(a) - Number(b));
  const loop = still && unplaced.length === 0 ? crashLoop(app, from) : null;
  const all = [...(loop?.evidence ?? []), ...evidence];
  const certain = all.length > 0;
  return buildFinding(app, {
    code: 'cluster-pending',
    scope: app.scopes.get(scope),
    confidence: certain ? 'certain' : 'likely',
    title: loop
      ? 'Executors keep exiting: no task can run'
      : still
        ? 'No executor is available yet: no task can run'
        : `It took ${time} to get executors`,
    what: still
      ? `${formatNames('job', jobs)} ${jobs.length === 1 ? 'has' : 'have'} been waiting for executors${to > from ? ` for ${time}` : ''}, and no task has started`
      : `${formatNames('job', jobs)} waited ${time} for the first executor`,
    more: loop
      ? [`Meanwhile ${loop.count} exited before they ran a task.`]
      : schedulerExplanation(app, unplaced),
    lostWork: [],
    ...(loop && { executors: [...loop.ids] }),
    evidence: certain ? all : waits.map(jobEvidence),
    effects: [],
    advice: loop ? [lookAtExecutors()] : adviceOf(app, unplaced),
    count: Math.max(1, unplaced.length, waits.length),
    failed: () => false,
    seen: [from, to],
    cost: { taskMs: 0, recomputedTasks: 0, wallMs: Math.max(0, to - from) },
    severity: still || to - from >= TOO_LONG_MS ? 'warning' : 'info'
  });
}

/** Only some of the requested executors are available, or none before any job has started. */
function shortage(
  app: Application,
  unplaced: readonly Unplaced[],
  evidence: readonly Evidence[],
  warnings: number
): Finding {
  const noExecutor = ![...app.executors].some(({ addedAt }) => addedAt !== null);
  const driver = unplaced.some(({ pod }) => pod.role === 'driver');
  const pods = unplaced.map(({ pod }) => pod.facts.name);
  return buildFinding(app, {
    code: 'cluster-pending',
    scope: app.scopes.get(APPLICATION_SCOPE),
    confidence: 'certain',
    title: driver
      ? 'The driver cannot be scheduled'
      : pods.length > 0
        ? `${plural(pods.length, 'executor')} cannot be scheduled`
        : 'The cluster had no capacity for executors',
    what:
      pods.length > 0
        ? `no node can run ${formatNames('pod', pods)}`
        : warnings > 0
          ? `Spark waited for executors and warned ${plural(warnings, 'time')}`
          : 'the cluster did not grant the requested executors',
    more: schedulerExplanation(app, unplaced),
    lostWork: [],
    evidence: [...evidence],
    effects: [],
    advice: adviceOf(app, unplaced),
    count: Math.max(1, pods.length),
    failed: () => false,
    seen: evidence.flatMap(({ at }) => at ?? []),
    severity: noExecutor || driver ? 'warning' : 'info',
    ...(pods.length === 1 && { pod: pods[0]! })
  });
}

/** Pods that could not be scheduled at first, or that the kubelet rejected for lack of capacity. */
function troubledPods(app: Application): Unplaced[] {
  return podsOfApplication(app).flatMap(pod => {
    const { troubles } = pod.facts;
    const note = troubles.get('rejected') ?? troubles.get('unschedulable');
    return note && pod.role !== 'kernel' ? [{ pod, note }] : [];
  });
}

/** It was never scheduled, or was rejected by its node. */
function isUnplaced({ pod: { facts } }: Unplaced): boolean {
  return !facts.ran && (facts.troubles.has('rejected') || !facts.scheduled);
}

/**
 * The scheduler's message as a sentence, with numbers: from "0/5 nodes are available: 1 node(s) had untolerated taint
 * {…}, 4 Insufficient memory", or the kubelet's "requested: 1073741824, used: 8123456, capacity: 8345678".
 */
function schedulerExplanation(app: Application, unplaced: readonly Unplaced[]): string[] {
  const first = unplaced[0];
  if (!first) return [];
  const message = first.note.message ?? '';
  const need = first.pod.facts.requestMiB ?? app.granted.limitMiB;
  const each = unplaced.length > 1 ? `each of ${plural(unplaced.length, 'executor')}` : 'it';
  const needs =
    need === null
      ? 'The requested resources are not available'
      : `${formatMiB(need)} for ${each} are not available`;
  const kubelet = /resource: memory, requested: (\d+), used: (\d+), capacity: (\d+)/.exec(message);
  if (kubelet) {
    const [requested, used, capacity] = kubelet.slice(1).map(bytes => Number(bytes) / 2 ** 20);
    return [
      `It needs ${formatMiB(requested!)} for ${each}; the node has ${formatMiB(Math.max(0, capacity! - used!))} free.`
    ];
  }
  const capacity = app.logSignals.capacity;
  if (capacity && need !== null) {
    const lacks = shortageClauses(
      message,
      { memoryMiB: need, cores: coresOf(app, first) },
      capacity
    );
    const needed = neededClause(need, unplaced.length);
    if (lacks.length > 0) return [`It ${needed}; ${lacks.join(', ')}.`];
  }
  const sentence = schedulerSentence(message);
  const nodes = /(\d+)\/(\d+) nodes are available/.exec(sentence);
  const short = [...sentence.matchAll(/(\d+) Insufficient ([\w./-]*\w)/g)];
  const others = [...sentence.matchAll(/(\d+) node\(s\) ((?:\{[^}]*\}|[^,{])+)/g)];
  const parts = [
    ...short.map(([, count, what]) => `${count} ${verb(count!)} insufficient ${resource(what!)}`),
    ...others.map(([, count, what]) => `${count} ${what!.trim().replace(/\.$/, '')}`)
  ];
  if (parts.length === 0) return [];
  const all = nodes ? `of ${plural(Number(nodes[2]), 'node')} ` : '';
  return [`${needs}: ${all}${parts.join(', ')}.`];
}

/** CPUs that an executor requests; the status of its pod does not contain them. */
function coresOf(app: Application, { pod }: Unplaced): number | null {
  const cores = Number(app.conf['spark.kubernetes.executor.request.cores']);
  return pod.role === 'executor' && cores > 0 ? cores : null;
}

function verb(count: string): string {
  return count === '1' ? 'has' : 'have';
}

function resource(name: string): string {
  if (name === 'cpu') return 'CPU';
  return name === 'ephemeral-storage' ? 'scratch space' : name.replace(/^.*\//, '');
}

function adviceOf(app: Application, unplaced: readonly Unplaced[]): Advice[] {
  const message = unplaced[0]?.note.message ?? '';
  const wait: Advice = {
    action: 'code',
    hint: 'smaller-or-later',
    sentence: 'Request fewer or smaller executors, or wait until other work has finished.'
  };
  const limit = unplaced[0]?.pod.facts.requestMiB ?? app.granted.limitMiB;
  if (!/Insufficient memory|OutOfmemory|resource: memory/.test(message) || limit === null)
    return [wait];
  const overhead = app.granted.overheadMiB;
  // The next step is an executor of half the size.
  const heap = Math.max(256, Math.floor((limit / 2 - overhead) / 128) * 128);
  if (heap + overhead >= limit) return [wait];
  return [
    {
      action: 'resize',
      shape: { executorMemoryMiB: heap },
      sentence: `Request executors of ${formatMiB(heap + overhead)} instead of ${formatMiB(limit)}: smaller ones are easier to schedule.`
    },
    wait
  ];
}

function jobEvidence({ job, from, ref }: ExecutorWait): Evidence {
  return { source: 'eventlog', at: from, quote: `"Job ID":${job}`, ref };
}
