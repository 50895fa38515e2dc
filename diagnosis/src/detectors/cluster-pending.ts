import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { ownPods } from '../application/pod-ownership.js';
import type { Note, OwnPod } from '../application/pod-facts.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import { LONG_WAIT_MS, type Wait } from '../application/executor-waits.js';
import { crashLoop, lookAtExecutors } from './executor-crash-loop.js';
import { finding } from './build-finding.js';
import { lackingWords, neededWords, schedulersSentence } from './scheduler-message.js';
import { duration, memory, named, plural } from './format.js';

/** A job that has waited this long for its first executor hangs visibly, ms. */
const HANGS_MS = 30_000;
/** A wait that ended is worth a warning from here on, ms; shorter ones are how clusters start. */
const TOO_LONG_MS = 300_000;
/** TaskSchedulerImpl warns each spark.starvation.timeout (15 s): more than this is no slow start. */
const WARNINGS = 4;

/** An executor or driver that no node takes. */
interface Unplaced {
  pod: OwnPod;
  note: Note;
}

/**
 * Work that waits for executors. Certain by the words of the scheduler (Kubernetes, YARN, Spark);
 * without them a job that began with no executor there, and for which no task has started yet.
 * The cost in wallMs is the time from the job's start to the first task of anybody.
 */
export function clusterPending(app: Application): Finding[] {
  const troubled = troubledPods(app);
  const unplaced = troubled.filter(isUnplaced);
  const starved = app.accounts.of('not-accepted');
  const quota = app.accounts.of('quota');
  const accepted = [...app.accounts.yarn.values()].filter(
    ({ state, application, container }) =>
      state === 'ACCEPTED' && container === null && (app.id === null || application === app.id)
  );
  const now = Math.max(app.now, app.watchedUntil);
  const open = app.endedAt === null ? app.waits.open : [];
  const words: Evidence[] = [
    ...quota.map(account => account.evidence),
    ...starved.map(account => account.evidence),
    ...accepted.map(({ diagnostics, at, ref }) => ({
      source: 'log' as const,
      at,
      quote: diagnostics,
      ref
    }))
  ];
  const evidence = [...unplaced.map(({ note }) => note.evidence), ...words];
  const told = unplaced.length > 0 || quota.length > 0 || (accepted.length > 0 && app.events === 0);
  const warnings = starved.reduce((sum, { count }) => sum + count, 0);
  const hanging = open.filter(
    wait =>
      told || warnings >= WARNINGS || now - wait.from >= HANGS_MS || starvedAtEnd(app, warnings)
  );
  const waited = app.waits.over.filter(({ from, to }) => (to ?? now) - from >= LONG_WAIT_MS);
  if (hanging.length > 0 || waited.length > 0) {
    const scopes = new Set([...hanging, ...waited].map(({ scope }) => scope));
    return [...scopes].map(scope => {
      const own = ({ scope: other }: Wait): boolean => other === scope;
      const still = hanging.filter(own);
      // Pods that got their node in the end held those up that wait no longer.
      const pods = still.length > 0 ? unplaced : troubled;
      const said = [...pods.map(({ note }) => note.evidence), ...words];
      return waiting(app, scope, still, waited.filter(own), pods, said, now);
    });
  }
  // Pods that were given up again are missed by nobody.
  const missed = unplaced.filter(({ pod }) => pod.facts.deletedAt === null);
  if (app.endedAt !== null || (missed.length === 0 && words.length === 0)) return [];
  if (missed.length === 0 && !told && warnings < WARNINGS) return [];
  return [shortage(app, missed, missed.length > 0 ? evidence : words, warnings)];
}

/** A log that breaks off while a job waits and Spark complains. */
function starvedAtEnd(app: Application, warnings: number): boolean {
  return app.over && warnings > 0;
}

function waiting(
  app: Application,
  scope: string,
  hanging: readonly Wait[],
  waited: readonly Wait[],
  unplaced: readonly Unplaced[],
  evidence: readonly Evidence[],
  now: number
): Finding {
  const waits = [...hanging, ...waited];
  const from = Math.min(...waits.map(wait => wait.from));
  const to = Math.max(...waits.map(wait => wait.to ?? now));
  const still = hanging.length > 0;
  const time = duration(Math.max(0, to - from));
  const jobs = waits.map(({ job }) => String(job)).sort((a, b) => Number(a) - Number(b));
  const loop = still && unplaced.length === 0 ? crashLoop(app, from) : null;
  const all = [...(loop?.evidence ?? []), ...evidence];
  const said = all.length > 0;
  return finding(app, {
    code: 'cluster-pending',
    scope: app.scopes.get(scope),
    confidence: said ? 'certain' : 'likely',
    title: loop
      ? 'Executors come and end again: nothing can run'
      : still
        ? 'No executor has come yet: nothing can run'
        : `It took ${time} to get executors`,
    what: still
      ? `${named('job', jobs)} ${jobs.length === 1 ? 'waits' : 'wait'} for executors${to > from ? ` since ${time}` : ''}, and no task has started`
      : `${named('job', jobs)} waited ${time} for the first executor`,
    more: loop
      ? [`Meanwhile ${loop.words} ended before they could run one.`]
      : translation(app, unplaced),
    setbacks: [],
    ...(loop && { executors: [...loop.ids] }),
    evidence: said ? all : waits.map(jobEvidence),
    effects: [],
    advice: loop ? [lookAtExecutors()] : adviceOf(app, unplaced),
    count: Math.max(1, unplaced.length, waits.length),
    failed: () => false,
    seen: [from, to],
    cost: { taskMs: 0, recomputedTasks: 0, wallMs: Math.max(0, to - from) },
    severity: still || to - from >= TOO_LONG_MS ? 'warning' : 'info'
  });
}

/** Not all that was asked for came, or nothing has come before any work was there. */
function shortage(
  app: Application,
  unplaced: readonly Unplaced[],
  evidence: readonly Evidence[],
  warnings: number
): Finding {
  const nobody = ![...app.executors].some(({ addedAt }) => addedAt !== null);
  const driver = unplaced.some(({ pod }) => pod.role === 'driver');
  const pods = unplaced.map(({ pod }) => pod.facts.name);
  return finding(app, {
    code: 'cluster-pending',
    scope: app.scopes.get(APPLICATION_SCOPE),
    confidence: 'certain',
    title: driver
      ? 'The driver cannot be placed'
      : pods.length > 0
        ? `${plural(pods.length, 'executor')} cannot be placed`
        : 'The cluster had no room for executors',
    what:
      pods.length > 0
        ? `no node takes ${named('pod', pods)}`
        : warnings > 0
          ? `Spark waited for executors and warned ${plural(warnings, 'time')}`
          : 'the cluster did not give what was asked for',
    more: translation(app, unplaced),
    setbacks: [],
    evidence: [...evidence],
    effects: [],
    advice: adviceOf(app, unplaced),
    count: Math.max(1, pods.length),
    failed: () => false,
    seen: evidence.flatMap(({ at }) => at ?? []),
    severity: nobody || driver ? 'warning' : 'info',
    ...(pods.length === 1 && { pod: pods[0]! })
  });
}

/** Pods that no node took at first, or that the kubelet sent away for lack of room. */
function troubledPods(app: Application): Unplaced[] {
  return ownPods(app).flatMap(pod => {
    const { troubles } = pod.facts;
    const note = troubles.get('rejected') ?? troubles.get('unschedulable');
    return note && pod.role !== 'kernel' ? [{ pod, note }] : [];
  });
}

/** It never got a node, or was sent away from the one it got. */
function isUnplaced({ pod: { facts } }: Unplaced): boolean {
  return !facts.ran && (facts.troubles.has('rejected') || !facts.scheduled);
}

/**
 * The scheduler's message in words of people, with figures where it has them: "0/5 nodes are
 * available: 1 node(s) had untolerated taint {…}, 4 Insufficient memory", or the kubelet's
 * "requested: 1073741824, used: 8123456, capacity: 8345678".
 */
function translation(app: Application, unplaced: readonly Unplaced[]): string[] {
  const first = unplaced[0];
  if (!first) return [];
  const message = first.note.message ?? '';
  const need = first.pod.facts.requestMiB ?? app.granted.limitMiB;
  const each = unplaced.length > 1 ? `each of ${plural(unplaced.length, 'executor')}` : 'it';
  const needs =
    need === null ? 'What it needs is not free' : `${memory(need)} for ${each} are not free`;
  const kubelet = /resource: memory, requested: (\d+), used: (\d+), capacity: (\d+)/.exec(message);
  if (kubelet) {
    const [requested, used, capacity] = kubelet.slice(1).map(bytes => Number(bytes) / 2 ** 20);
    return [
      `It needs ${memory(requested!)} for ${each}; the node has ${memory(Math.max(0, capacity! - used!))} free.`
    ];
  }
  const room = app.accounts.room;
  if (room && need !== null) {
    const lacks = lackingWords(message, { memoryMiB: need, cores: coresOf(app, first) }, room);
    const words = neededWords(need, unplaced.length);
    if (lacks.length > 0) return [`It ${words}; ${lacks.join(', ')}.`];
  }
  const sentence = schedulersSentence(message);
  const nodes = /(\d+)\/(\d+) nodes are available/.exec(sentence);
  const short = [...sentence.matchAll(/(\d+) Insufficient ([\w./-]*\w)/g)];
  const others = [...sentence.matchAll(/(\d+) node\(s\) ((?:\{[^}]*\}|[^,{])+)/g)];
  const parts = [
    ...short.map(([, count, what]) => `${count} ${verb(count!)} too little ${resource(what!)}`),
    ...others.map(([, count, what]) => `${count} ${what!.trim().replace(/\.$/, '')}`)
  ];
  if (parts.length === 0) return [];
  const all = nodes ? `of ${plural(Number(nodes[2]), 'node')} ` : '';
  return [`${needs}: ${all}${parts.join(', ')}.`];
}

/** Processors that an executor asks for; its pod's status does not repeat them. */
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
    sentence: 'Ask for fewer or smaller executors, or wait until others have finished.'
  };
  const limit = unplaced[0]?.pod.facts.requestMiB ?? app.granted.limitMiB;
  if (!/Insufficient memory|OutOfmemory|resource: memory/.test(message) || limit === null)
    return [wait];
  const overhead = app.granted.overheadMiB;
  // Half of an executor fits where the whole does not, if anything does.
  const heap = Math.max(256, Math.floor((limit / 2 - overhead) / 128) * 128);
  if (heap + overhead >= limit) return [wait];
  return [
    {
      action: 'resize',
      shape: { executorMemoryMiB: heap },
      sentence: `Ask for executors of ${memory(heap + overhead)} in place of ${memory(limit)}: smaller ones find room earlier.`
    },
    wait
  ];
}

function jobEvidence({ job, from, ref }: Wait): Evidence {
  return { source: 'eventlog', at: from, quote: `"Job ID":${job}`, ref };
}
