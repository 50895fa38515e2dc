import type { Evidence } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { type ExecutorFacts, newExecutor } from '../application/executors.js';
import type { LostWork } from '../application/lost-work.js';
import { podsByExecutor } from '../application/pod-ownership.js';
import { APPLICATION_SCOPE, type Scope } from '../application/scopes.js';
import {
  executorLoss,
  type ExecutorLoss,
  type ExecutorReports,
  isLostWith
} from './executor-loss-cause.js';
import { waitingScopes } from './never-registered.js';
import { isShutdownNoise } from './normal-shutdown.js';

/**
 * One incident per scope and kind of loss: all work that the scope lost with executors that were lost
 * in the same way. Four executors that one cell kills one after the other are one incident.
 */
export interface Incident {
  code: ExecutorLoss['code'];
  scope: Scope;
  losses: ExecutorLoss[];
  lostWork: LostWork[];
  /** Work that other scopes lost with the same executors. */
  bystanders: LostWork[];
}

export interface Explained {
  incidents: Incident[];
  /** Lost work that no lost executor explains; input of the other detectors. */
  unexplained: LostWork[];
}

/** A Python worker that dies this shortly before its executor is killed belongs to the same kill, ms. */
const SAME_KILL_MS = 5_000;

/** Spark may log a failed fetch before it notices that the executor is gone, ms. */
const NOTICE_MS = 15_000;

/** Lost work that has to be recomputed, as opposed to failed attempts of the scope's own tasks. */
const RECOMPUTING: ReadonlySet<LostWork['kind']> = new Set(['resubmitted', 'fetch', 'rerun']);

/**
 * Assigns lost work to the executor losses that caused it.
 *
 * An incident belongs to the scopes whose own tasks ran out of heap; if there are none, to those whose
 * tasks were running on the executor; if there are none, to those that had to recompute work. Any other
 * scope that only lost tasks with the executor is a bystander: the failure belongs to another cell. A
 * scope that had to recompute finished work gets an incident of its own.
 */
export function explainLosses(app: Application): Explained {
  const groups = new Map<string, Incident>();
  const unexplained = new Set<LostWork>(app.lostWork);
  const incident = (code: ExecutorLoss['code'], scope: string): Incident => {
    const key = `${code}:${scope}`;
    let group = groups.get(key);
    if (!group) {
      group = { code, scope: app.scopes.get(scope), losses: [], lostWork: [], bystanders: [] };
      groups.set(key, group);
    }
    return group;
  };

  const byExecutor = new Map<string | null, LostWork[]>();
  for (const entry of app.lostWork) {
    const others = byExecutor.get(entry.executor);
    if (others) others.push(entry);
    else byExecutor.set(entry.executor, [entry]);
  }
  const reports = reportsByExecutor(app);
  // A pod can end before Spark knows its executor.
  const unknown = [...reports.keys()].filter(id => !app.executors.find(id)).map(newExecutor);
  const noReports: ExecutorReports = { pod: null, yarn: [], heap: null, heartbeat: null };
  const losses = [...app.executors, ...unknown]
    .map(executor => {
      const { id } = executor;
      const own = (byExecutor.get(id) ?? []).filter(entry => !outlived(executor, entry));
      return executorLoss(app, executor, own, reports.get(id) ?? noReports);
    })
    .filter(loss => loss !== null)
    // Evidence may name executors before Spark does; findings must not depend on that order.
    .sort((a, b) => a.at - b.at || (a.executor.id < b.executor.id ? -1 : 1));
  const waiters = waitingScopesByLoss(app, losses);
  for (const loss of losses) {
    const suspects = [...(byExecutor.get(loss.executor.id) ?? []), ...(byExecutor.get(null) ?? [])];
    const caused = suspects.filter(entry => causedBy(entry, loss, losses, app));
    for (const entry of caused) unexplained.delete(entry);
    const owners = loss.neverRegistered ? waiters.get(loss)! : ownersOf(caused, loss);
    for (const scope of owners) incident(loss.code, scope).losses.push(loss);
    for (const entry of caused) {
      if (owners.has(entry.scope)) incident(loss.code, entry.scope).lostWork.push(entry);
      else incident(loss.code, [...owners][0]!).bystanders.push(entry);
    }
  }
  // Spark's memory manager can deny memory to a task, and a disk can be full, without a lost executor.
  for (const entry of unexplained) {
    if (entry.kind !== 'heap' && entry.kind !== 'disk') continue;
    unexplained.delete(entry);
    const code = entry.kind === 'heap' ? 'executor-heap-oom' : 'disk-full';
    incident(code, entry.scope).lostWork.push(entry);
  }
  return {
    incidents: [...groups.values()],
    unexplained: [...unexplained].filter(entry => !isShutdownNoise(app, entry))
  };
}

/** What pods, YARN and logs report about each executor. */
function reportsByExecutor(app: Application): Map<string, ExecutorReports> {
  const all = new Map<string, ExecutorReports>();
  const of = (executor: string): ExecutorReports => {
    let one = all.get(executor);
    if (!one) {
      one = { pod: null, yarn: [], heap: null, heartbeat: null };
      all.set(executor, one);
    }
    return one;
  };
  for (const [executor, pod] of podsByExecutor(app)) of(executor).pod = pod;
  for (const [executor, said] of yarnByExecutor(app)) of(executor).yarn = said;
  for (const { kind, who, evidence } of app.logSignals) {
    if (typeof who === 'string') continue;
    if (kind === 'heap-oom') of(who.executor).heap = evidence;
    if (kind === 'heartbeat') of(who.executor).heartbeat = evidence;
  }
  return all;
}

/** YARN names containers; Spark's log URLs say which executor ran in which container. */
function yarnByExecutor(app: Application): Map<string, Evidence[]> {
  const executors = new Map([...app.executors].map(({ container, id }) => [container, id]));
  const said = new Map<string, Evidence[]>();
  for (const { container, diagnostics, at, ref } of app.logSignals.yarn.values()) {
    const executor = container === null ? undefined : executors.get(container);
    if (executor === undefined) continue;
    const evidence: Evidence = { source: 'container', at, quote: diagnostics, ref };
    said.set(executor, [...(said.get(executor) ?? []), evidence]);
  }
  for (const list of said.values()) list.sort((a, b) => (a.quote < b.quote ? -1 : 1));
  return said;
}

function causedBy(
  entry: LostWork,
  loss: ExecutorLoss,
  losses: readonly ExecutorLoss[],
  app: Application
): boolean {
  const { kind } = entry;
  const own = entry.executor === loss.executor.id;
  if (kind === 'heap') return own && loss.code === 'executor-heap-oom';
  if (kind === 'disk') return own && loss.code === 'disk-full';
  if (kind === 'result-lost') return own && isLostWith(entry, loss.at);
  if (kind === 'crash') {
    if (!own || loss.code !== 'executor-oom-killed') return false;
    return entry.firstSeen >= loss.at - SAME_KILL_MS;
  }
  if (kind === 'lost' || RECOMPUTING.has(kind)) {
    if (own && outlived(loss.executor, entry)) return false;
    if (entry.executor !== null) return own;
    return latestBefore(entry, losses, app) === loss;
  }
  return false;
}

/** The executor finished other tasks later: earlier lost work was not caused by its end. */
function outlived(executor: ExecutorFacts, { kind, lastSeen }: LostWork): boolean {
  return RECOMPUTING.has(kind) && executor.lastAliveAt > lastSeen;
}

/** Spark did not name the owner of the missing blocks: take the last executor that was lost before. */
function latestBefore(
  entry: LostWork,
  losses: readonly ExecutorLoss[],
  app: Application
): ExecutorLoss | null {
  const jobs = [...entry.jobs].map(id => app.jobs.get(id)?.startedAt ?? Infinity);
  const since = Math.min(app.scopes.get(entry.scope).startedAt ?? Infinity, ...jobs);
  const before = losses.filter(({ at }) => at >= since && at <= entry.firstSeen + NOTICE_MS);
  return before.reduce<ExecutorLoss | null>((a, b) => (a && a.at >= b.at ? a : b), null);
}

/** The scopes that own the loss of an executor that never registered: those that wait for it, or for the next such executor. */
function waitingScopesByLoss(
  app: Application,
  losses: readonly ExecutorLoss[]
): Map<ExecutorLoss, Set<string>> {
  const waiters = new Map<ExecutorLoss, Set<string>>();
  const next = new Map<ExecutorLoss['code'], Set<string>>();
  for (const loss of losses.filter(({ neverRegistered }) => neverRegistered).reverse()) {
    const own = new Set(waitingScopes(app, loss.at));
    const of = own.has(APPLICATION_SCOPE) ? (next.get(loss.code) ?? own) : own;
    next.set(loss.code, of);
    waiters.set(loss, of);
  }
  return waiters;
}

function ownersOf(caused: readonly LostWork[], loss: ExecutorLoss): Set<string> {
  const scopes = (of: (entry: LostWork) => boolean): string[] =>
    caused.filter(of).map(entry => entry.scope);
  const repeating = scopes(({ kind }) => RECOMPUTING.has(kind));
  const exhausting = loss.code === 'executor-heap-oom' ? scopes(({ kind }) => kind === 'heap') : [];
  const own = exhausting.length > 0 ? exhausting : scopes(({ kind }) => !RECOMPUTING.has(kind));
  const owners = new Set([...own, ...repeating]);
  return owners.size > 0 ? owners : new Set([APPLICATION_SCOPE]);
}
