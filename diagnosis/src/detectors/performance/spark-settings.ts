import type { Application } from '../../application/application.js';
import { parseMiB } from '../../application/spark-conf.js';
import type { StageFacts } from '../../application/stage-summary.js';

/** Whether a stage's session re-plans its queries while they run; on by default since Spark 3.2. */
export function adapts(app: Application, facts: StageFacts): boolean {
  const set = facts.layout['spark.sql.adaptive.enabled'];
  return set === undefined ? !olderThan(app, 3, 2) : set === 'true';
}

/** False if the version is not known. */
export function olderThan(app: Application, major: number, minor: number): boolean {
  const version = /^(\d+)\.(\d+)/.exec(app.sparkVersion ?? '');
  if (!version) return false;
  const [ours, theirs] = [Number(version[1]), Number(version[2])];
  return ours < major || (ours === major && theirs < minor);
}

/** A size that the session set, or Spark's default, MiB. */
export function setMiB(facts: StageFacts, key: string, defaultMiB: number): number {
  return parseMiB(facts.layout[key], 'b') ?? defaultMiB;
}

/**
 * Memory that Spark has for execution and storage in one executor, MiB: as its block manager said,
 * else (heap − 300 MiB) × spark.memory.fraction (0.6).
 */
export function unifiedMiB(app: Application): number {
  const said = [...app.executors].flatMap(({ memory }) => memory.unifiedMiB ?? []);
  if (said.length > 0) return Math.max(...said);
  const fraction = Number(app.conf['spark.memory.fraction'] ?? 0.6);
  return Math.max(0, app.granted.heapMiB - 300) * fraction;
}

/** Tasks that one executor runs at the same time. */
export function tasksEach(app: Application): number {
  const cores = Math.max(1, ...[...app.executors].map(executor => executor.cores));
  const each = Number(app.conf['spark.task.cpus'] ?? 1);
  return Math.max(1, Math.floor(cores / (each >= 1 ? each : 1)));
}
