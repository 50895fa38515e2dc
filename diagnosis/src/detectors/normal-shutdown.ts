import type { Application } from '../application/application.js';
import type { LostWork } from '../application/lost-work.js';
import type { LossVerdict } from './removal-reasons.js';

/**
 * Normal shutdown: when an application stops, Spark logs lost executors, failed fetches and resubmitted
 * tasks of the last moments before ApplicationEnd. None of that is reported.
 */

/** Executors end within this time when their application is stopped, ms. */

export const SHUTDOWN_MS = 10_000;

/** Lost work that the end of an executor causes; other kinds occur while it is running. */
export const LOST_WITH_EXECUTOR: ReadonlySet<LostWork['kind']> = new Set([
  'lost',
  'resubmitted',
  'fetch',
  'rerun',
  'result-lost'
]);

/**
 * Whether an executor loss is part of a normal shutdown: executors end by a signal or with their worker,
 * and nothing that was still needed was lost. An OOM kill or a full heap never is.
 */
export function isShutdown(
  app: Application,
  verdict: LossVerdict,
  lostWork: readonly LostWork[],
  at: number
): boolean {
  const certain = verdict.confidence === 'certain';
  const harmless = !lostWork.some(({ kind }) => LOST_WITH_EXECUTOR.has(kind));
  if (harmless && app.endedAt !== null && at > app.endedAt) return true;
  if (harmless) return !(certain && verdict.code !== 'executor-lost');
  if (certain || app.shutdownAt === null || at < app.shutdownAt - SHUTDOWN_MS) return false;
  const jobs = lostWork.flatMap(entry => [...entry.jobs]).map(id => app.jobs.get(id));
  return !jobs.some(job => job?.result === 'succeeded' || job?.result === 'failed');
}

/** Whether work was lost in the last moments of the application, and no job that needed it ended by itself. */
export function isShutdownNoise(app: Application, entry: LostWork): boolean {
  if (app.shutdownAt === null || entry.firstSeen < app.shutdownAt - SHUTDOWN_MS) return false;
  const results = [...entry.jobs].map(id => app.jobs.get(id)?.result);
  return !results.some(result => result === 'succeeded' || result === 'failed');
}
