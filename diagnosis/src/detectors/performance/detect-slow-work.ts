import type { Finding } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import { cachePartial } from './cache-partial.js';
import { cacheLost } from './cache-lost.js';
import { gcPressure } from './gc-pressure.js';
import { smallFiles } from './small-files.js';
import { largePartitions } from './large-partitions.js';
import { smallPartitions } from './small-partitions.js';
import { skew, spilledBySkew } from './skew.js';
import { spill } from './spill.js';

/**
 * Work that succeeded but took longer than necessary; at most one finding of a kind per scope. Effects are
 * reported with their cause: spill of a skewed or too large task, small tasks of many small files, garbage
 * collection before the heap was full.
 *
 * @param others findings of the other detectors
 */
export function detectSlowWork(app: Application, others: readonly Finding[]): Finding[] {
  const findings: (Finding | null)[] = [];
  const work = new Map(app.performance.slow);
  const scopes = new Set([...work.keys(), ...app.performance.caches.scopes()]);
  for (const key of scopes) {
    const scope = app.scopes.find(key);
    if (!scope) continue;
    const stages = work.get(key)?.stages ?? [];
    const cached = [cachePartial(app, scope), cacheLost(app, scope, others)];
    const missed = new Set(cached.flatMap(one => one?.subject.stages?.map(({ id }) => id) ?? []));
    const skewed = skew(app, scope, stages, missed);
    const isSkewed = new Set(skewed?.stages);
    const files = smallFiles(app, scope, stages);
    const ofFiles = new Set(files?.subject.stages?.map(({ id }) => id));
    const large = largePartitions(app, scope, stages);
    const ofLarge = new Set(large?.subject.stages?.map(({ id }) => id));
    const heapWasFull = others.some(({ id }) => id === `executor-heap-oom:${key}`);
    findings.push(
      skewed?.finding ?? null,
      spill(
        app,
        scope,
        stages.filter(
          facts => !ofLarge.has(facts.stage) && !(isSkewed.has(facts) && spilledBySkew(facts))
        )
      ),
      heapWasFull ? null : gcPressure(app, scope, work.get(key)?.garbage ?? null),
      ...cached,
      files,
      smallPartitions(
        app,
        scope,
        stages.filter(({ stage }) => !ofFiles.has(stage))
      ),
      large
    );
  }
  return findings.filter(finding => finding !== null);
}
