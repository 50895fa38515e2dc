import { parseCellTags } from '@aglais/protocol';
import type { SparkEvent } from '../eventlog/spark-event.js';
import type { Application } from './application.js';
import { grantedMemory } from './granted-memory.js';
import { addReason } from './executors.js';
import type { MemoryFacts } from './memory-facts.js';

const QUOTE = 2000;
/** Messages of local-cluster workers that only occur when the whole cluster stops. */
const SHUTTING_DOWN = /^Worker shutting down|Shutdown hooks cannot be modified during shutdown/;

/** Applies one event to the model. */
export function applyEvent(app: Application, event: SparkEvent, ref: string): void {
  switch (event.type) {
    case 'log-start':
      app.sparkVersion = event.sparkVersion;
      return;
    case 'application-start':
      app.id = event.id;
      app.name = event.name;
      app.startedAt = event.at;
      app.changes.resources = true;
      app.advanceClock(event.at);
      return;
    case 'application-end':
      app.endedAt = event.at;
      app.shutdownAt = Math.min(app.shutdownAt ?? Infinity, event.at);
      app.changes.findings = true;
      app.advanceClock(event.at);
      return;
    case 'environment':
      app.conf = event.conf;
      app.granted = grantedMemory(event.conf);
      if (event.conf['spark.eventLog.logBlockUpdates.enabled'] === 'true') {
        app.performance.caches.blocksKnown = true;
      }
      app.changes.findings = app.changes.resources = true;
      return;
    case 'executor-added': {
      const executor = app.executors.get(event.executor);
      executor.host = event.host;
      executor.cores = event.cores;
      executor.container = event.container;
      executor.addedAt = event.at;
      app.performance.executorsChanged();
      app.changes.resources = true;
      // An executor that registers has not exited before.
      if (app.pods.size > 0) app.changes.findings = true;
      app.advanceClock(event.at);
      return;
    }
    case 'executor-removed':
      executorRemoved(app, event.executor, event.reason, event.at, ref);
      return;
    case 'executor-memory':
      processMemory(app, event.executor)?.addMeasured(event.memory);
      return;
    case 'heartbeat':
      // Without a time of its own, it came after the latest event.
      processMemory(app, event.executor)?.addMeasuredAt(event.at ?? app.now, event.memory);
      app.changes.memory = true;
      return;
    case 'block-manager-added': {
      const memory =
        event.executor === 'driver' ? app.driver : app.executors.get(event.executor).memory;
      memory.unifiedMiB = event.unifiedMiB;
      app.changes.memory = true;
      return;
    }
    case 'block-updated':
      app.performance.caches.update(event.executor, event, ref);
      app.changes.resources = true;
      return;
    case 'block-manager-removed':
      app.performance.caches.executorGone(event.executor);
      return;
    case 'rdd-unpersisted':
      app.performance.caches.unpersisted(event.rdd);
      app.changes.resources = true;
      return;
    case 'sql-start':
      app.sql.began(event.sql, event.root, event.tags);
      if (event.files) {
        const { counts, sizes } = event.files;
        app.performance.files.planned(event.sql, event.root, counts, sizes);
      }
      return;
    case 'sql-plan':
      app.performance.files.planned(event.sql, event.root, event.files.counts, event.files.sizes);
      return;
    case 'sql-counted':
      app.performance.files.counted(event.sql, event.updates);
      return;
    case 'job-start':
      app.dag.jobStarted(event.job, event.at, event.stages, event, ref);
      return;
    case 'job-end':
      app.dag.jobEnded(event.job, event.at, event.failure, ref);
      return;
    case 'sql-end':
      app.advanceClock(event.at);
      app.dag.sqlEnded(event.sql);
      sqlEnded(app, event.sql, event.error, event.at, ref);
      return;
    case 'stage-submitted':
      app.dag.stageSubmitted(event.info, event.origin, event.cached);
      return;
    case 'stage-completed':
      app.dag.stageCompleted(event.info, event.cached, ref);
      return;
    case 'task-start':
      app.advanceClock(event.info.launchedAt);
      if (app.waits.taskStarted(event.info.launchedAt)) app.changes.findings = true;
      app.tasks.started(event.info, ref);
      return;
    case 'task-end':
      app.advanceClock(event.info.finishedAt);
      if (event.memory) {
        const memory = processMemory(app, event.info.executor);
        memory?.addMeasuredAt(event.info.finishedAt, event.memory);
      }
      app.tasks.ended(event.info, event.outcome, event.metrics, ref);
      app.dag.evictIfFinished(app.stages.get(event.info.stage));
      return;
  }
}

function sqlEnded(
  app: Application,
  sql: string,
  error: string | null,
  at: number,
  ref: string
): void {
  const scopeOf = (root: string, tags: string | null): string => {
    const tag = parseCellTags(tags);
    return tag ? app.scopes.ofCell(tag.cell, tag.run).key : `sql:${root}`;
  };
  if (app.sql.ended(sql, error, at, ref, scopeOf)) app.changes.findings = true;
}

function executorRemoved(
  app: Application,
  id: string,
  reason: string,
  at: number,
  ref: string
): void {
  app.advanceClock(at);
  if (SHUTTING_DOWN.test(reason)) app.shutdownAt = Math.min(app.shutdownAt ?? Infinity, at);
  const executor = app.executors.get(id);
  const evidence = { source: 'eventlog' as const, at, quote: reason.slice(0, QUOTE), ref };
  addReason(executor, { text: reason, at, from: 'removed', evidence });
  app.executors.remove(executor, at);
  app.performance.executorsChanged();
  app.performance.caches.executorGone(id);
  app.changes.findings = app.changes.resources = true;
}

function processMemory(app: Application, executor: string): MemoryFacts | undefined {
  if (executor === 'driver') return app.driver;
  return app.executors.find(executor)?.memory;
}
