import type { Evidence } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { newExecutor, type ExecutorFacts } from '../application/executors.js';
import { podsByExecutor } from '../application/pod-ownership.js';
import { APPLICATION_SCOPE, type Scope } from '../application/scopes.js';
import type { Setback } from '../application/lost-work.js';
import { isLostWith, lossOf, SHUTDOWN_MS, type Loss, type Witnesses } from './executor-loss-cause.js';
import { waitersAt } from './never-registered.js';

/**
 * One incident for one scope: everything that it lost by executors that were lost in the same way.
 * Four executors that are killed one after the other by the same cell are one incident.
 */
export interface Incident {
  code: Loss['code'];
  scope: Scope;
  losses: Loss[];
  setbacks: Setback[];
  /** Setbacks of other scopes whose tasks went down with the same executors. */
  bystanders: Setback[];
}

export interface Explained {
  incidents: Incident[];
  /** What no lost executor explains, for the other detectors. */
  unexplained: Setback[];
}

/** A vanished Python worker this shortly before its executor's kill belongs to it, ms. */
const SAME_KILL_MS = 5_000;
/** Spark may log a failed fetch before it notices that the executor is gone, ms. */
const NOTICE_MS = 15_000;

/** Kinds of setback that hurt by having to do work again, not by a task of one's own that died. */
const REPEATING: ReadonlySet<Setback['kind']> = new Set(['undone', 'fetch', 'rerun']);

/**
 * Joins lost executors with the setbacks that they caused.
 *
 * Whose incident it is: of the scopes whose own tasks ran out of heap; if none, of those whose
 * tasks were running on the executor; if none, of those that had to do work again. Another scope
 * that only lost tasks with the executor is a bystander: the failure belongs to another cell.
 * One that had to do finished work again has suffered by itself and gets an incident of its own.
 */
export function explain(app: Application): Explained {
  const groups = new Map<string, Incident>();
  const unexplained = new Set<Setback>(app.setbacks);
  const incident = (code: Loss['code'], scope: string): Incident => {
    const key = `${code}:${scope}`;
    let group = groups.get(key);
    if (!group) {
      group = { code, scope: app.scopes.get(scope), losses: [], setbacks: [], bystanders: [] };
      groups.set(key, group);
    }
    return group;
  };

  const byExecutor = new Map<string | null, Setback[]>();
  for (const setback of app.setbacks) {
    const others = byExecutor.get(setback.executor);
    if (others) others.push(setback);
    else byExecutor.set(setback.executor, [setback]);
  }
  const witnesses = witnessesOf(app);
  // A pod can end before Spark hears of its executor.
  const unheard = [...witnesses.keys()].filter(id => !app.executors.find(id)).map(newExecutor);
  const nobody: Witnesses = { pod: null, yarn: [], heap: null, heartbeat: null };
  const losses = [...app.executors, ...unheard]
    .map(executor => {
      const { id } = executor;
      const own = (byExecutor.get(id) ?? []).filter(setback => !outlived(executor, setback));
      return lossOf(app, executor, own, witnesses.get(id) ?? nobody);
    })
    .filter(loss => loss !== null)
    // Evidence may have named executors before Spark did; the findings must not depend on it.
    .sort((a, b) => a.at - b.at || (a.executor.id < b.executor.id ? -1 : 1));
  const waiters = waitersOf(app, losses);
  for (const loss of losses) {
    const suspects = [...(byExecutor.get(loss.executor.id) ?? []), ...(byExecutor.get(null) ?? [])];
    const caused = suspects.filter(setback => causedBy(setback, loss, losses, app));
    for (const setback of caused) unexplained.delete(setback);
    const owners = loss.unmet ? waiters.get(loss)! : ownersOf(caused, loss);
    for (const scope of owners) incident(loss.code, scope).losses.push(loss);
    for (const setback of caused) {
      if (owners.has(setback.scope)) incident(loss.code, setback.scope).setbacks.push(setback);
      else incident(loss.code, [...owners][0]!).bystanders.push(setback);
    }
  }
  // Spark's own memory manager can refuse a task, and a disk be full, without the executor ending.
  for (const setback of unexplained) {
    if (setback.kind !== 'heap' && setback.kind !== 'disk') continue;
    unexplained.delete(setback);
    const code = setback.kind === 'heap' ? 'executor-heap-oom' : 'disk-full';
    incident(code, setback.scope).setbacks.push(setback);
  }
  return {
    incidents: [...groups.values()],
    unexplained: [...unexplained].filter(setback => !isShutdownNoise(app, setback))
  };
}

/** What pods, YARN and logs say of each executor that they speak of. */
function witnessesOf(app: Application): Map<string, Witnesses> {
  const all = new Map<string, Witnesses>();
  const of = (executor: string): Witnesses => {
    let one = all.get(executor);
    if (!one) {
      one = { pod: null, yarn: [], heap: null, heartbeat: null };
      all.set(executor, one);
    }
    return one;
  };
  for (const [executor, pod] of podsByExecutor(app)) of(executor).pod = pod;
  for (const [executor, said] of yarnByExecutor(app)) of(executor).yarn = said;
  for (const { claim, who, evidence } of app.accounts) {
    if (typeof who === 'string') continue;
    if (claim === 'heap-oom') of(who.executor).heap = evidence;
    if (claim === 'heartbeat') of(who.executor).heartbeat = evidence;
  }
  return all;
}

/** YARN names containers; Spark tells which executor ran in which by the addresses of its logs. */
function yarnByExecutor(app: Application): Map<string, Evidence[]> {
  const executors = new Map([...app.executors].map(({ container, id }) => [container, id]));
  const said = new Map<string, Evidence[]>();
  for (const { container, diagnostics, at, ref } of app.accounts.yarn.values()) {
    const executor = container === null ? undefined : executors.get(container);
    if (executor === undefined) continue;
    const evidence: Evidence = { source: 'container', at, quote: diagnostics, ref };
    said.set(executor, [...(said.get(executor) ?? []), evidence]);
  }
  for (const list of said.values()) list.sort((a, b) => (a.quote < b.quote ? -1 : 1));
  return said;
}

/** Lost in the last moments, and no job came to an end of its own that would have needed it. */
function isShutdownNoise(app: Application, setback: Setback): boolean {
  if (app.shutdownAt === null || setback.firstSeen < app.shutdownAt - SHUTDOWN_MS) return false;
  const results = [...setback.jobs].map(id => app.jobs.get(id)?.result);
  return !results.some(result => result === 'succeeded' || result === 'failed');
}

function causedBy(
  setback: Setback,
  loss: Loss,
  losses: readonly Loss[],
  app: Application
): boolean {
  const { kind } = setback;
  const own = setback.executor === loss.executor.id;
  if (kind === 'heap') return own && loss.code === 'executor-heap-oom';
  if (kind === 'disk') return own && loss.code === 'disk-full';
  if (kind === 'result-lost') return own && isLostWith(setback, loss.at);
  if (kind === 'crash') {
    if (!own || loss.code !== 'executor-oom-killed') return false;
    return setback.firstSeen >= loss.at - SAME_KILL_MS;
  }
  if (kind === 'lost' || REPEATING.has(kind)) {
    if (own && outlived(loss.executor, setback)) return false;
    if (setback.executor !== null) return own;
    return latestBefore(setback, losses, app) === loss;
  }
  return false;
}

/** It went on to do other tasks well: what happened before did not come of its end. */
function outlived(executor: ExecutorFacts, { kind, lastSeen }: Setback): boolean {
  return REPEATING.has(kind) && executor.livedAt > lastSeen;
}

/** Spark did not say who had the missing blocks: the last executor that was lost before. */
function latestBefore(setback: Setback, losses: readonly Loss[], app: Application): Loss | null {
  const jobs = [...setback.jobs].map(id => app.jobs.get(id)?.startedAt ?? Infinity);
  const since = Math.min(app.scopes.get(setback.scope).startedAt ?? Infinity, ...jobs);
  const before = losses.filter(({ at }) => at >= since && at <= setback.firstSeen + NOTICE_MS);
  return before.reduce<Loss | null>((a, b) => (a && a.at >= b.at ? a : b), null);
}

/** Whose incident an executor is that ended before Spark had met it: theirs who wait for it, or for the next that ends so. */
function waitersOf(app: Application, losses: readonly Loss[]): Map<Loss, Set<string>> {
  const waiters = new Map<Loss, Set<string>>();
  const next = new Map<Loss['code'], Set<string>>();
  for (const loss of losses.filter(({ unmet }) => unmet).reverse()) {
    const own = new Set(waitersAt(app, loss.at));
    const of = own.has(APPLICATION_SCOPE) ? (next.get(loss.code) ?? own) : own;
    next.set(loss.code, of);
    waiters.set(loss, of);
  }
  return waiters;
}

function ownersOf(caused: readonly Setback[], loss: Loss): Set<string> {
  const scopes = (of: (setback: Setback) => boolean): string[] =>
    caused.filter(of).map(setback => setback.scope);
  const repeating = scopes(({ kind }) => REPEATING.has(kind));
  const guilty = loss.code === 'executor-heap-oom' ? scopes(({ kind }) => kind === 'heap') : [];
  const own = guilty.length > 0 ? guilty : scopes(({ kind }) => !REPEATING.has(kind));
  const owners = new Set([...own, ...repeating]);
  return owners.size > 0 ? owners : new Set([APPLICATION_SCOPE]);
}
