import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { larger } from '../eventlog/task-metrics.js';
import { moreHeap, moreOverhead, morePartitions, roundUp, type MemoryUse } from './memory-advice.js';
import { effectsOf, finding } from './build-finding.js';
import { BESIDE_HEAP, driverHeap } from './driver-heap-oom.js';
import type { Incident } from './executor-incidents.js';
import type { Loss } from './executor-loss-cause.js';
import { inOrder, memory, named, plural } from './format.js';

/** Spark's default of spark.driver.memory. */
const DRIVER_HEAP_MIB = 1024;

/** Executors that the kernel, Kubernetes or YARN killed for memory. */
export function executorOomKilled(app: Application, incident: Incident): Finding {
  const { losses, setbacks, scope } = incident;
  const ids = inOrder(losses.map(loss => loss.executor.id));
  const best = surest(losses);
  const use = memoryUse(app, losses);
  const certain = best.confidence === 'certain';
  const one = ids.length === 1;
  const subject = one ? named('executor', ids) : `${ids.length} executors (${listed(ids)})`;
  return finding(app, {
    code: 'executor-oom-killed',
    scope,
    confidence: best.confidence,
    title: one
      ? `Executor ${ids[0]} was killed${certain ? ' for lack of memory' : ', probably for lack of memory'}`
      : `${ids.length} executors were killed${certain ? '' : ', probably'} for lack of memory`,
    what: `${subject} ${number(best.what, ids.length)}${figures(app, use, best)}`,
    more: use ? cannotWork(app, use.limitMiB) : [],
    setbacks,
    executors: ids,
    evidence: evidenceOf(incident),
    effects: [...effectsOf(setbacks), ...bystanders(app, incident)],
    advice: [
      ...(use ? [moreOverhead(app.granted, use, certain)] : []),
      ...(use?.pythonMiB === null || use === null ? morePartitions(setbacks) : [])
    ],
    count: ids.length,
    failed: message =>
      diedWith(message, ids) || (hasFetch(incident) && /FetchFailed/.test(message)),
    seen: losses.map(loss => loss.at)
  });
}

/** Executors whose Java heap was full, or tasks that Spark refused memory. */
export function executorHeapOom(app: Application, incident: Incident): Finding {
  const { losses, setbacks, scope } = incident;
  const thrown = setbacks.filter(({ kind }) => kind === 'heap');
  const ids = inOrder(
    new Set([
      ...losses.map(loss => loss.executor.id),
      ...thrown.flatMap(({ executor }) => executor ?? [])
    ])
  );
  // In local mode the driver runs the tasks, and its heap is the one that counts.
  const local = ids.length === 1 && ids[0] === 'driver';
  const granted = local
    ? { ...app.granted, heapMiB: driverHeap(app) ?? DRIVER_HEAP_MIB }
    : app.granted;
  const heap = memory(granted.heapMiB);
  const died = losses.length;
  const message = thrown[0]?.evidence?.quote ?? '';
  const beside = BESIDE_HEAP.test(message);
  const peak = local
    ? app.driver.peak.heapMiB
    : ids.map(id => app.executors.find(id)?.memory.peak.heapMiB ?? null).reduce(larger, null);
  const subject = local
    ? 'the driver, which runs the tasks itself,'
    : ids.length === 1
      ? named('executor', ids)
      : `${ids.length} executors (${listed(ids)})`;
  return finding(app, {
    code: 'executor-heap-oom',
    scope,
    confidence: 'certain',
    title: beside
      ? `${subject.charAt(0).toUpperCase()}${subject.slice(1)} ran out of memory beside the Java heap`
      : ids.length === 1
        ? `${local ? 'The driver' : `Executor ${ids[0]}`} ran out of Java heap`
        : `${ids.length} executors ran out of Java heap`,
    what: beside
      ? `${subject} ran out of memory beside the Java heap (${message.slice(0, 120)})`
      : `the Java heap of ${subject} was full (limit ${heap})`,
    more:
      died === 0
        ? []
        : [
            `${died === 1 ? 'The executor' : 'They'} had to be replaced, ` +
              `with all that ${died === 1 ? 'it' : 'they'} held.`
          ],
    setbacks,
    executors: ids,
    evidence: evidenceOf(incident),
    effects: [
      ...(thrown.length > 0
        ? [`${plural(total(thrown), 'task attempt')} failed with OutOfMemoryError`]
        : []),
      ...effectsOf(setbacks),
      ...bystanders(app, incident)
    ],
    advice: [
      ...(beside
        ? [doubleOverhead(app)]
        : /array size/.test(message)
          ? []
          : [moreHeap(granted, peak, local)]),
      ...morePartitions(thrown.length > 0 ? thrown : setbacks)
    ],
    count: Math.max(total(thrown), died),
    failed: text =>
      /OutOfMemoryError/.test(text) ||
      diedWith(text, ids) ||
      (hasFetch(incident) && /FetchFailed/.test(text)),
    seen: losses.map(loss => loss.at)
  });
}

/** Limit and use over several executors that were killed alike; null if no limit is known. */
function memoryUse(app: Application, losses: readonly Loss[]): MemoryUse | null {
  const limits = losses.map(
    ({ limitMiB, executor }) => limitMiB ?? executor.memory.limitMiB ?? app.granted.limitMiB
  );
  const limitMiB = limits.reduce(larger, null);
  if (limitMiB === null) return null;
  return {
    limitMiB,
    usedMiB: losses
      .map(({ usedMiB, executor }) => usedMiB ?? executor.memory.peakMiB)
      .reduce(larger, null),
    pythonMiB: losses
      .map(({ executor }) => executor.memory.pythonAtLimit(limitMiB))
      .reduce(larger, null)
  };
}

function figures(app: Application, use: MemoryUse | null, loss: Loss): string {
  if (!use) return '';
  const parts = [`limit ${memory(use.limitMiB)}`];
  if (loss.usedMiB !== null) parts.push(`${memory(loss.usedMiB)} in use`);
  parts.push(`the Java heap may take ${memory(app.granted.heapMiB)}`);
  if (use.pythonMiB !== null) parts.push(`Python workers used ${memory(use.pythonMiB)}`);
  return ` (${parts.join(', ')})`;
}

/** A limit that not even the heap fits into is no matter of the data. */
function cannotWork(app: Application, limitMiB: number): string[] {
  const { heapMiB } = app.granted;
  if (limitMiB > heapMiB) return [];
  return [
    `This shape cannot work: the limit of ${memory(limitMiB)} is not even room for the ${memory(heapMiB)} that the Java heap may grow to.`
  ];
}

function doubleOverhead(app: Application): Advice {
  const overhead = roundUp(2 * app.granted.overheadMiB);
  return {
    action: 'resize',
    shape: { executorOverheadMiB: overhead },
    sentence:
      `Ask for ${memory(overhead)} beside the Java heap in place of ` +
      `${memory(app.granted.overheadMiB)}; the heap itself was not the limit.`
  };
}

/** What says that executors were lost, then what they took with them, without repeating the reason. */
export function evidenceOf({ losses, setbacks }: Incident): Evidence[] {
  const lost = losses.flatMap(loss => loss.evidence);
  const said = new Set(lost.map(({ quote }) => quote));
  const others = setbacks.flatMap(({ evidence }) => evidence ?? []);
  return [
    ...lost,
    ...others.filter(({ quote }) => ![...said].some(text => text.startsWith(quote)))
  ];
}

export function bystanders(app: Application, incident: Incident): string[] {
  const lost = total(incident.bystanders);
  if (lost === 0) return [];
  const cells = new Set(
    incident.bystanders.flatMap(({ scope }) => app.scopes.get(scope).cell ?? [])
  );
  const whose = cells.size > 0 ? ` of ${named('cell', [...cells].sort())}` : ' of other work';
  return [`${plural(lost, 'task attempt')}${whose} died with it too, and the work was done again`];
}

export function diedWith(message: string, ids: readonly string[]): boolean {
  const executor = /ExecutorLostFailure \(executor (\S+) /.exec(message)?.[1];
  return executor !== undefined && ids.includes(executor);
}

export function hasFetch({ setbacks }: Incident): boolean {
  return setbacks.some(({ kind }) => kind === 'fetch');
}

export function surest(losses: readonly Loss[]): Loss {
  const order = ['certain', 'likely', 'possible'];
  return losses.reduce((a, b) =>
    order.indexOf(b.confidence) < order.indexOf(a.confidence) ? b : a
  );
}

/** Turns "was killed" into "were killed" for several. */
export function number(what: string, count: number): string {
  return count === 1 ? what : what.replace(/^was /, 'were ');
}

export function listed(ids: readonly string[]): string {
  return named('', ids).replace(/^s? /, '');
}

function total(setbacks: Incident['setbacks']): number {
  return setbacks.reduce((sum, { count }) => sum + count, 0);
}
