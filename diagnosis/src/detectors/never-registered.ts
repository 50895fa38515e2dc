import type { Evidence } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { ownPods } from '../application/pod-ownership.js';
import type { PodFacts } from '../application/pod-facts.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import { disruption, isOom, type End } from './container-ends.js';

/** Times of containers are whole seconds, and what ends together is noticed one after the other, ms. */
const ROUNDED_MS = 2_000;
const LAST_LINES = 3;

/** An executor that ended before Spark had met it: Spark logs at most that it was removed, its pod tells why. */
export interface UnmetEnd {
  id: string;
  at: number;
  evidence: Evidence;
}

/**
 * Whether Spark never met this executor (it registers when its Java runs and reaches the driver). Without the beginning
 * of a log nobody can say.
 */
export function isUnmet(app: Application, id: string): boolean {
  if (app.startedAt === null || app.executors.wasMet(id)) return false;
  return (app.executors.find(id)?.addedAt ?? null) === null;
}

/** All executors that ended so, the earliest first; those that went down with their application are not among them. */
export function unmetEnds(app: Application): UnmetEnd[] {
  const over = endOf(app);
  return ownPods(app)
    .flatMap(({ facts, role, executor }) => {
      if (role !== 'executor' || executor === null || !isUnmet(app, executor)) return [];
      const evidence = disruption(facts)?.note.evidence ?? unmetEnd(facts)?.evidence;
      const at = evidence?.at ?? app.now;
      return evidence && at < over ? [{ id: executor, at, evidence }] : [];
    })
    .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
}

/** How its container ended, if nobody had asked it to. It should have gone on: code 0 is no better than another. */
export function unmetEnd(pod: PodFacts): End | null {
  const ends = pod.ran ? [...pod.ends.values()] : [];
  const unasked = ends.filter(
    ({ at, beforeDeletion }) =>
      beforeDeletion || (at !== null && at < (pod.deletedAt ?? Infinity) - ROUNDED_MS)
  );
  return unasked.find(isOom) ?? unasked[0] ?? null;
}

/** From then on executors end with their application: what they end of says nothing, ms since the epoch. */
export function endOf(app: Application): number {
  const drivers = ownPods(app).filter(({ role }) => role === 'driver');
  const ends = drivers.flatMap(({ facts }) => [
    facts.deletedAt ?? Infinity,
    ...[...facts.ends.values()].map(({ at }) => at ?? Infinity)
  ]);
  return Math.min(app.endedAt ?? Infinity, app.shutdownAt ?? Infinity, ...ends) - ROUNDED_MS;
}

/** The last lines that a container said, of those that the kubelet kept (`terminationMessagePolicy`). */
export function lastLines({ message }: End): string | null {
  const lines = (message ?? '').trim().split('\n').slice(-LAST_LINES);
  return lines.join('\n') || null;
}

/**
 * Whoever waits at this time for a first executor, or runs while none is there.
 * @returns keys of scopes; those of the application if nobody does
 */
export function waitersAt(app: Application, at: number): string[] {
  const within = (from: number | null, to: number | null): boolean =>
    from !== null && from <= at + ROUNDED_MS && (to ?? Infinity) >= at;
  const waits = [...app.waits.open, ...app.waits.over].filter(({ from, to }) => within(from, to));
  if (waits.length > 0) return [...new Set(waits.map(({ scope }) => scope))];
  const alive = [...app.executors].some(
    ({ addedAt, removedAt }) => addedAt !== null && within(addedAt, removedAt)
  );
  const atWork = [...app.scopes].filter(
    ({ cell, jobs, startedAt, endedAt }) =>
      cell !== null && jobs.total > 0 && within(startedAt, endedAt)
  );
  return alive || atWork.length === 0 ? [APPLICATION_SCOPE] : atWork.map(({ key }) => key);
}
