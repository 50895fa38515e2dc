import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import { tableName } from '../../application/cache-names.js';
import type { CacheFacts } from '../../application/cached-table.js';
import type { Scope } from '../../application/scopes.js';
import { formatBytes, formatDuration, formatMiB, MIB, plural } from '../format.js';
import { roundUp } from '../memory-advice.js';
import { buildSlowFinding, isSignificant, totalTimeLost } from './build-slow-finding.js';
import {
  costOf,
  evidenceOf,
  placeOf,
  recomputesOf,
  type TableRecompute
} from './cache-recomputes.js';
import { unifiedMiB } from './spark-settings.js';

/** A cached table did not fit in memory or was evicted, and was recomputed. */
export function cachePartial(app: Application, scope: Scope): Finding | null {
  const recomputes = recomputesOf(app, scope, ({ why }) => why !== 'executor-gone');
  return recomputes.length === 0 ? firstFill(app, scope) : computedAgain(app, scope, recomputes);
}

function computedAgain(
  app: Application,
  scope: Scope,
  recomputes: readonly TableRecompute[]
): Finding | null {
  const lost = totalTimeLost(app, scope, recomputes.map(costOf));
  if (!isSignificant(app, scope, lost.wallMs)) return null;
  const { table, recomputed } = recomputes[0]!;
  const name = tableName(table);
  const count = recomputes.reduce((sum, one) => sum + one.recomputed.count, 0);
  const evicted = recomputed.why === 'evicted';
  const stored = storedOf(table);
  const fitted = evicted
    ? 'was evicted from memory'
    : `fits in memory only partially (${stored} of ${table.partitions} partitions)`;
  return buildSlowFinding(app, {
    code: 'cache-partial',
    scope,
    title: evicted
      ? `The cached table ${name} was evicted from memory and recomputed`
      : `Only ${stored} of ${table.partitions} partitions of the cached table ${name} fit in memory`,
    what: `the cached table ${name} ${fitted}, and ${plural(count, 'partition')} had to be recomputed when it was read`,
    lost,
    estimated: recomputes.some(one => one.recomputed.estimated),
    ...placeOf(recomputes),
    recomputedTasks: count,
    evidence: [...fillEvidence(table), ...recomputes.slice(0, 3).flatMap(evidenceOf)],
    advice: advise(app, table, stored),
    count
  });
}

/** The table was cached for the first time and did not fit: every later read will take longer. */
function firstFill(app: Application, scope: Scope): Finding | null {
  const table = [...app.performance.caches].find(
    ({ fill, recomputed }) => fill?.scope === scope.key && recomputed.size === 0
  );
  const fill = table?.fill;
  if (!table || !fill) return null;
  const wallMs = fill.missingMs / fill.slots;
  if (!isSignificant(app, scope, wallMs)) return null;
  const name = tableName(table);
  return buildSlowFinding(app, {
    code: 'cache-partial',
    scope,
    title: `Only ${fill.stored} of ${table.partitions} partitions of the cached table ${name} fit in memory`,
    what: `the cached table ${name} fits in memory only partially (${fill.stored} of ${table.partitions} partitions)`,
    more: [
      `Every read recomputes the other ${table.partitions - fill.stored}, which takes about ${formatDuration(wallMs)} (${formatDuration(fill.missingMs)} of task time).`
    ],
    lost: { taskMs: 0, wallMs: 0 },
    estimated: fill.estimated,
    stages: [{ id: fill.stage, attempt: fill.attempt }],
    jobs: fill.jobs,
    evidence: fillEvidence(table),
    advice: advise(app, table, fill.stored),
    count: 1,
    firstSeen: fill.at,
    lastSeen: fill.at
  });
}

function storedOf(table: CacheFacts): number {
  return table.fill?.stored ?? (table.blocks.size || (table.reported?.cached ?? 0));
}

/** The last partition that was stored, and the number of partitions. */
function fillEvidence({ fill, rdd }: CacheFacts): Evidence[] {
  if (!fill) return [];
  const { at, quote, ref, lastBlock } = fill;
  const block = lastBlock && {
    quote: `"Block ID":"rdd_${rdd}_${lastBlock.partition}"`,
    ref: lastBlock.ref
  };
  return [...(block ? [block] : []), { quote, ref }].map(piece => ({
    source: 'eventlog' as const,
    at,
    ...piece
  }));
}

/**
 * Missing = partitions that were not stored × the mean size of those that were; each executor needs its share of
 * that as additional unified memory, which is 0.6 of the heap.
 */
function advise(app: Application, table: CacheFacts, stored: number): Advice[] {
  const advice: Advice[] = [
    {
      action: 'code',
      hint: 'persist(MEMORY_AND_DISK)',
      sentence:
        'Store on disk what does not fit in memory: df.persist(StorageLevel.MEMORY_AND_DISK), or cache fewer columns and rows. Reading from disk is usually faster than recomputing.'
    }
  ];
  const bytes =
    table.stored > 0
      ? table.storedBytes / table.stored
      : table.reported
        ? table.reported.memoryBytes / table.reported.cached
        : 0;
  const active = [...app.executors].filter(
    ({ addedAt, id }) => addedAt !== null && id !== 'driver'
  );
  const alive = active.filter(({ removedAt }) => removedAt === null).length;
  const executors = Math.max(1, alive || Math.min(active.length, 2));
  const missing = (table.partitions - stored) * bytes;
  const heap = roundUp(app.granted.heapMiB + missing / MIB / executors / 0.6);
  if (missing > 0 && heap > app.granted.heapMiB) {
    advice.push({
      action: 'resize',
      shape: { executorMemoryMiB: heap },
      sentence: `The whole table takes about ${formatBytes(table.partitions * bytes)}; ${formatBytes(missing)} did not fit. With ${formatMiB(heap)} of Java heap per executor instead of ${formatMiB(app.granted.heapMiB)} all of it fits (currently ${formatMiB(unifiedMiB(app))} per executor are available for caching and execution).`
    });
  }
  return advice;
}
