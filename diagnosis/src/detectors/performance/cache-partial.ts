import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import { tableName } from '../../application/cache-names.js';
import type { CacheFacts, Recomputed } from '../../application/caches.js';
import { LEAST_MS, type TimeLost } from '../../application/stage-costs.js';
import type { Scope } from '../../application/scopes.js';
import { roundUp } from '../memory-advice.js';
import { duration, inOrder, memory, named, plural } from '../format.js';
import { MIB, size } from './stage-label.js';
import { unifiedMiB } from './spark-settings.js';
import { matters, slowFinding, together } from './build-slow-finding.js';

interface Account {
  table: CacheFacts;
  account: Recomputed;
}

/** A cached table did not fit, or had to make room for another, and was computed again. */
export function cachePartial(app: Application, scope: Scope): Finding | null {
  const accounts = accountsOf(app, scope, ({ why }) => why !== 'executor-gone');
  return accounts.length === 0 ? firstFill(app, scope) : computedAgain(app, scope, accounts);
}

function computedAgain(
  app: Application,
  scope: Scope,
  accounts: readonly Account[]
): Finding | null {
  const lost = together(app, scope, accounts.map(costOf));
  if (!matters(app, scope, lost.wallMs)) return null;
  const { table, account } = accounts[0]!;
  const name = tableName(table);
  const count = accounts.reduce((sum, one) => sum + one.account.count, 0);
  const evicted = account.why === 'evicted';
  const stored = storedOf(table);
  const fitted = evicted
    ? 'had to make room for others'
    : `fits in memory only in part (${stored} of ${table.partitions} partitions)`;
  return slowFinding(app, {
    code: 'cache-partial',
    scope,
    title: evicted
      ? `The cached table ${name} was dropped from memory and computed again`
      : `Only ${stored} of ${table.partitions} partitions of the cached table ${name} fit in memory`,
    what: `the cached table ${name} ${fitted}, and ${plural(count, 'partition')} had to be computed again where it was read`,
    lost,
    estimated: accounts.some(one => one.account.estimated),
    ...placeOf(accounts),
    recomputedTasks: count,
    evidence: [...fillEvidence(table), ...accounts.slice(0, 3).flatMap(evidenceOf)],
    advice: advise(app, table, stored),
    count
  });
}

/** It was filled for the first time and did not fit: the next one to read it will have to wait. */
function firstFill(app: Application, scope: Scope): Finding | null {
  const table = [...app.performance.caches].find(
    ({ fill, recomputed }) => fill?.scope === scope.key && recomputed.size === 0
  );
  const fill = table?.fill;
  if (!table || !fill) return null;
  const wallMs = fill.missingMs / fill.slots;
  if (!matters(app, scope, wallMs)) return null;
  const name = tableName(table);
  return slowFinding(app, {
    code: 'cache-partial',
    scope,
    title: `Only ${fill.stored} of ${table.partitions} partitions of the cached table ${name} fit in memory`,
    what: `the cached table ${name} fits in memory only in part (${fill.stored} of ${table.partitions} partitions)`,
    more: [
      `Whenever it is read, the other ${table.partitions - fill.stored} are computed again, which takes about ${duration(wallMs)} (${duration(fill.missingMs)} of task time).`
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

/** Cached partitions went with their executors and were computed again. */
export function cacheLost(
  app: Application,
  scope: Scope,
  told: readonly Finding[]
): Finding | null {
  const accounts = accountsOf(app, scope, ({ why }) => why === 'executor-gone');
  if (accounts.length === 0) return null;
  const lost = together(app, scope, accounts.map(costOf));
  if (!matters(app, scope, lost.wallMs)) return null;
  const executors = inOrder(new Set(accounts.flatMap(({ account }) => [...account.executors])));
  // Whoever is told in this cell why the executors went need not hear of what went with them.
  const explained = told.some(
    ({ code, subject, id }) =>
      code.startsWith('executor-') &&
      id.endsWith(`:${scope.key}`) &&
      executors.every(executor => subject.executors?.includes(executor))
  );
  if (explained) return null;
  const count = accounts.reduce((sum, one) => sum + one.account.count, 0);
  const names = [...new Set(accounts.map(({ table }) => tableName(table)))];
  const reasons = executors.flatMap(
    id => app.executors.find(id)?.reasons.find(({ from }) => from === 'removed')?.evidence ?? []
  );
  const idle = app.conf['spark.dynamicAllocation.cachedExecutorIdleTimeout'];
  return slowFinding(app, {
    code: 'cache-lost',
    scope,
    title: `${plural(count, 'cached partition')} went with ${named('executor', executors)} and had to be computed again`,
    what: `${plural(count, 'partition')} of the cached ${named('table', names, 3)} ${count === 1 ? 'was' : 'were'} lost with ${named('executor', executors)} and had to be computed again`,
    lost,
    estimated: false,
    ...placeOf(accounts),
    executors,
    recomputedTasks: count,
    evidence: [...reasons.slice(0, 3), ...accounts.slice(0, 3).flatMap(evidenceOf)],
    advice: [
      ...(idle !== undefined && app.conf['spark.dynamicAllocation.enabled'] === 'true'
        ? [
            {
              action: 'set' as const,
              conf: { 'spark.dynamicAllocation.cachedExecutorIdleTimeout': 'infinity' },
              sentence: `Executors that hold cached data are given back after ${idle} without work; let them stay, or do not cache.`
            }
          ]
        : []),
      {
        action: 'code',
        hint: 'persist(MEMORY_AND_DISK_2)',
        sentence: `What is expensive to compute, write as a table and read that, or keep it on two executors: persist(StorageLevel.MEMORY_AND_DISK_2).`
      }
    ],
    count
  });
}

function accountsOf(
  app: Application,
  scope: Scope,
  of: (account: Recomputed) => boolean
): Account[] {
  return [...app.performance.caches]
    .flatMap(table => [...table.recomputed.values()].map(account => ({ table, account })))
    .filter(({ account }) => account.scope === scope.key && of(account))
    .filter(({ account }) => account.wallMs >= LEAST_MS)
    .sort((a, b) => b.account.wallMs - a.account.wallMs || a.table.rdd - b.table.rdd);
}

function costOf({ account }: Account): TimeLost {
  return account;
}

function storedOf(table: CacheFacts): number {
  return table.fill?.stored ?? (table.blocks.size || (table.told?.cached ?? 0));
}

function placeOf(accounts: readonly Account[]): {
  stages: { id: number; attempt: number }[];
  jobs: number[];
  firstSeen: number;
  lastSeen: number;
} {
  const all = accounts.map(({ account }) => account);
  const stages = new Map(all.flatMap(({ stages }) => [...stages]));
  return {
    stages: [...stages.values()],
    jobs: all.flatMap(({ jobs }) => [...jobs]),
    firstSeen: Math.min(...all.map(({ firstSeen }) => firstSeen)),
    lastSeen: Math.max(...all.map(({ lastSeen }) => lastSeen))
  };
}

/** The first task that had to compute its partition again. */
function evidenceOf({ account }: Account): Evidence[] {
  const { quotes, ref, firstSeen: at } = account;
  return quotes.map(quote => ({ source: 'eventlog' as const, at, quote, ref }));
}

/** The last partition that found room, and how many there are. */
function fillEvidence({ fill, rdd }: CacheFacts): Evidence[] {
  if (!fill) return [];
  const { at, quote, ref, lastBlock } = fill;
  const block = lastBlock && {
    quote: `"Block ID":"rdd_${rdd}_${lastBlock.partition}"`,
    ref: lastBlock.ref
  };
  return [...(block ? [block] : []), { quote, ref }].map(said => ({
    source: 'eventlog' as const,
    at,
    ...said
  }));
}

/**
 * Missing = partitions without room × the mean size of those that had; each executor needs its
 * share of that more in unified memory, which is 0.6 of the heap.
 */
function advise(app: Application, table: CacheFacts, stored: number): Advice[] {
  const advice: Advice[] = [
    {
      action: 'code',
      hint: 'persist(MEMORY_AND_DISK)',
      sentence:
        'Keep what does not fit on disk: df.persist(StorageLevel.MEMORY_AND_DISK), or cache fewer columns and rows; reading from disk is mostly quicker than computing again.'
    }
  ];
  const bytes =
    table.stored > 0
      ? table.storedBytes / table.stored
      : table.told
        ? table.told.memoryBytes / table.told.cached
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
      sentence: `The whole table takes about ${size(table.partitions * bytes)}; ${size(missing)} found no room. With ${memory(heap)} of Java heap per executor in place of ${memory(app.granted.heapMiB)} all of it fits (${memory(unifiedMiB(app))} of each are for caching and work now).`
    });
  }
  return advice;
}
