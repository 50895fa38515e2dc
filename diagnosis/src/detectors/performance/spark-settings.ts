import type { Application } from '../../application/application.js';
import { parseMiB } from '../../application/spark-conf.js';
import type { StageSummary } from '../../application/stage-summary.js';

/** Whether adaptive query execution is enabled for a stage; it is by default since Spark 3.2. */
export function usesAdaptiveExecution(app: Application, facts: StageSummary): boolean {
  const set = facts.layout['spark.sql.adaptive.enabled'];
  return set === undefined ? !olderThan(app, 3, 2) : set === 'true';
}

/** Whether Spark is older than a version; false if the version is unknown. */
export function olderThan(app: Application, major: number, minor: number): boolean {
  const version = /^(\d+)\.(\d+)/.exec(app.sparkVersion ?? '');
  if (!version) return false;
  const [ours, theirs] = [Number(version[1]), Number(version[2])];
  return ours < major || (ours === major && theirs < minor);
}

/** A size setting of the session, or its default, MiB. */
export function settingMiB(facts: StageSummary, key: string, defaultMiB: number): number {
  return parseMiB(facts.layout[key], 'b') ?? defaultMiB;
}

/**
 * Unified memory (execution and storage) of one executor, MiB: as its block manager reported it,
 * otherwise (heap − 300 MiB) × spark.memory.fraction (0.6).
 */
export function unifiedMiB(app: Application): number {
  const reported = [...app.executors].flatMap(({ memory }) => memory.unifiedMiB ?? []);
  if (reported.length > 0) return Math.max(...reported);
  const fraction = Number(app.conf['spark.memory.fraction'] ?? 0.6);
  return Math.max(0, app.granted.heapMiB - 300) * fraction;
}

/** Number of tasks that one executor runs at the same time. */
export function slotsPerExecutor(app: Application): number {
  const cores = Math.max(1, ...[...app.executors].map(executor => executor.cores));
  const each = Number(app.conf['spark.task.cpus'] ?? 1);
  return Math.max(1, Math.floor(cores / (each >= 1 ? each : 1)));
}
