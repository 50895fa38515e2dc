import type { Evidence } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { podsOfApplication } from '../application/pod-ownership.js';
import type { PodFacts } from '../application/pod-facts.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import { disruption, isOom, type End } from './container-ends.js';

/** Container timestamps have a resolution of one second, and simultaneous ends are observed one after the other, ms. */
const ROUNDED_MS = 2_000;
const LAST_LINES = 3;

/** An executor that exited before it registered with the driver. Spark logs at most its removal; its pod says why. */
export interface EarlyExit {
  id: string;
  at: number;
  evidence: Evidence;
}

/**
 * Whether this executor never registered with the driver, which it does once its JVM runs and reaches the driver. False if
 * the log lacks its beginning.
 */
export function hasNeverRegistered(app: Application, id: string): boolean {
  if (app.startedAt === null || app.executors.wasRegistered(id)) return false;
  return (app.executors.find(id)?.addedAt ?? null) === null;
}

/** All executors that exited before registration, the earliest first, except those that ended with their application. */
export function exitsBeforeRegistration(app: Application): EarlyExit[] {
  const over = applicationEnd(app);
  return podsOfApplication(app)
    .flatMap(({ facts, role, executor }) => {
      if (role !== 'executor' || executor === null || !hasNeverRegistered(app, executor)) return [];
      const evidence = disruption(facts)?.note.evidence ?? exitBeforeRegistration(facts)?.evidence;
      const at = evidence?.at ?? app.now;
      return evidence && at < over ? [{ id: executor, at, evidence }] : [];
    })
    .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
}

/** The unrequested end of its container; exit code 0 counts too, because an executor must not exit by itself. */
export function exitBeforeRegistration(pod: PodFacts): End | null {
  const ends = pod.ran ? [...pod.ends.values()] : [];
  const unrequested = ends.filter(
    ({ at, beforeDeletion }) =>
      beforeDeletion || (at !== null && at < (pod.deletedAt ?? Infinity) - ROUNDED_MS)
  );
  return unrequested.find(isOom) ?? unrequested[0] ?? null;
}

/** When the application ends, ms since the epoch; later exits of executors are part of its shutdown. */
export function applicationEnd(app: Application): number {
  const drivers = podsOfApplication(app).filter(({ role }) => role === 'driver');
  const ends = drivers.flatMap(({ facts }) => [
    facts.deletedAt ?? Infinity,
    ...[...facts.ends.values()].map(({ at }) => at ?? Infinity)
  ]);
  return Math.min(app.endedAt ?? Infinity, app.shutdownAt ?? Infinity, ...ends) - ROUNDED_MS;
}

/** The last lines of a container's log that the kubelet kept (`terminationMessagePolicy`). */
export function lastLines({ message }: End): string | null {
  const lines = (message ?? '').trim().split('\n').slice(-LAST_LINES);
  return lines.join('\n') || null;
}

/**
 * The scopes that wait for a first executor at this time, or run without any executor.
 * @returns keys of scopes; the application's if there is none
 */
export function waitingScopes(app: Application, at: number): string[] {
  const within = (from: number | null, to: number | null): boolean =>
    from !== null && from <= at + ROUNDED_MS && (to ?? Infinity) >= at;
  const waits = [...app.waits.open, ...app.waits.over].filter(({ from, to }) => within(from, to));
  if (waits.length > 0) return [...new Set(waits.map(({ scope }) => scope))];
  const alive = [...app.executors].some(
    ({ addedAt, removedAt }) => addedAt !== null && within(addedAt, removedAt)
  );
  const running = [...app.scopes].filter(
    ({ cell, jobs, startedAt, endedAt }) =>
      cell !== null && jobs.total > 0 && within(startedAt, endedAt)
  );
  return alive || running.length === 0 ? [APPLICATION_SCOPE] : running.map(({ key }) => key);
}
