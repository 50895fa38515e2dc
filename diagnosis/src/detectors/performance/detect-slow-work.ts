import type { Finding } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import { cacheLost, cachePartial } from './cache-partial.js';
import { gcPressure } from './gc-pressure.js';
import { largePartitions, smallFiles, smallPartitions } from './partition-layout.js';
import { skew, spilledBySkew } from './skew.js';
import { spill } from './spill.js';

/**
 * Work that succeeded and took longer than it had to, for each scope at most one finding of a
 * kind. Causes swallow effects: what a skewed task or one that was too large spilled is theirs,
 * many small files make small tasks, and garbage collection before the heap was full belongs to that.
 *
 * @param told what was found already
 */
export function slow(app: Application, told: readonly Finding[]): Finding[] {
  const findings: (Finding | null)[] = [];
  const work = new Map(app.performance.slow);
  const scopes = new Set([...work.keys(), ...app.performance.caches.scopes()]);
  for (const key of scopes) {
    const scope = app.scopes.find(key);
    if (!scope) continue;
    const stages = work.get(key)?.stages ?? [];
    const cached = [cachePartial(app, scope), cacheLost(app, scope, told)];
    const missed = new Set(cached.flatMap(one => one?.subject.stages?.map(({ id }) => id) ?? []));
    const skewed = skew(app, scope, stages, missed);
    const isSkewed = new Set(skewed?.stages);
    const files = smallFiles(app, scope, stages);
    const ofFiles = new Set(files?.subject.stages?.map(({ id }) => id));
    const large = largePartitions(app, scope, stages);
    const ofLarge = new Set(large?.subject.stages?.map(({ id }) => id));
    const heapWasFull = told.some(({ id }) => id === `executor-heap-oom:${key}`);
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
