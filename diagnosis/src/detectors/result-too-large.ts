import type { Advice, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { parseMiB } from '../application/spark-conf.js';
import type { Job } from '../application/jobs.js';
import { roundUp } from './memory-advice.js';
import { buildFinding } from './build-finding.js';
import { driverHeap } from './driver-heap-oom.js';
import { formatMiB, plural } from './format.js';

/** Message of TaskSetManager, Spark 2.x (MB) to 4.x (MiB). */
const TOO_LARGE =
  /Total size of serialized results of (\d+) tasks \(([\d.]+ [KMGT]?i?B)\) is bigger than (?:spark\.driver\.maxResultSize|local result size limit) \(([\d.]+ [KMGT]?i?B)\)/;

/**
 * Results that exceed spark.driver.maxResultSize, one finding per scope. The cost is all work of the failed
 * jobs, because nothing of it was delivered.
 */
export function resultTooLarge(app: Application): Finding[] {
  const byScope = new Map<string, Job[]>();
  for (const job of app.jobs.values()) {
    if (!job.failure || !TOO_LARGE.test(job.failure.quote)) continue;
    byScope.set(job.scope, [...(byScope.get(job.scope) ?? []), job]);
  }
  return [...byScope].map(([scope, jobs]) => oneTooLarge(app, scope, jobs));
}

function oneTooLarge(app: Application, scope: string, jobs: readonly Job[]): Finding {
  const last = jobs.at(-1)!;
  const [, done, size, allowed] = TOO_LARGE.exec(last.failure!.quote)!;
  const tasks = Number(done);
  const sizeMiB = mib(size!);
  const limitMiB = mib(allowed!);
  const whole = last.resultTasks > tasks ? (sizeMiB * last.resultTasks) / tasks : sizeMiB;
  const estimate =
    last.resultTasks > tasks
      ? [`At this rate all ${last.resultTasks} tasks would return about ${formatMiB(whole)}.`]
      : [];
  return buildFinding(app, {
    code: 'result-too-large',
    scope: app.scopes.get(scope),
    confidence: 'certain',
    title: `The result is larger than ${formatMiB(limitMiB)}, the maximum that can be collected`,
    what: `the results of ${plural(tasks, 'task')} already took ${formatMiB(sizeMiB)}, and at most ${formatMiB(limitMiB)} can be collected (spark.driver.maxResultSize)`,
    more: estimate,
    lostWork: [],
    evidence: jobs.map(job => job.failure!),
    effects: [],
    cost: {
      taskMs: jobs.reduce((sum, job) => sum + job.taskMs, 0),
      recomputedTasks: 0,
      wallMs: jobs.reduce((sum, job) => sum + (job.endedAt ?? job.startedAt) - job.startedAt, 0)
    },
    advice: advise(app, whole),
    count: jobs.length,
    failed: message => TOO_LARGE.test(message),
    seen: jobs.map(job => job.failure!.at ?? job.startedAt)
  });
}

/** 1.25 × the estimated result; the driver's heap holds it twice while it is assembled. */
function advise(app: Application, wholeMiB: number): Advice[] {
  const limit = roundUp(1.25 * wholeMiB);
  const heap = driverHeap(app);
  const advice: Advice[] = [
    {
      action: 'code',
      hint: 'collect-less',
      sentence:
        'Collect less to the driver: aggregate, select only the columns that you need, take a sample, or write the result as a table.'
    },
    {
      action: 'set',
      conf: { 'spark.driver.maxResultSize': `${limit}m` },
      sentence: `If you need the whole result, raise the limit to ${formatMiB(limit)} (spark.driver.maxResultSize).`
    }
  ];
  if (heap !== null && 2 * limit > heap) {
    advice.push({
      action: 'resize',
      shape: { driverMemoryMiB: roundUp(2 * limit) },
      sentence: `The driver then needs ${formatMiB(roundUp(2 * limit))} instead of ${formatMiB(heap)}.`
    });
  }
  return advice;
}

function mib(size: string): number {
  const [value, unit] = size.split(' ');
  return parseMiB(`${value}${unit === 'B' ? 'b' : unit!.charAt(0)}`, 'b') ?? 0;
}
