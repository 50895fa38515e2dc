import type { Cluster, Memory, Shape } from '@aglais/protocol';
import { isLive } from '../backend/select';
import type { Connection } from '../tokens';
import { gib, usedOfGranted, type Trans } from '../words';

/** The state of a cluster in plain words. */
export function stateWords(cluster: Cluster, trans: Trans): string {
  switch (cluster.state) {
    case 'requested':
      return trans.__('Spark is about to start');
    case 'starting':
      return trans.__('Spark is starting');
    case 'ready':
      return cluster.stages.length > 0 ? trans.__('Spark is working') : trans.__('Spark is ready');
    case 'stopping':
      return trans.__('Spark is stopping');
    case 'stopped':
      return trans.__('Spark is stopped');
    case 'failed':
      return trans.__('Spark has failed');
  }
}

/** One line for the status bar. */
export function statusLine(cluster: Cluster | null, connection: Connection, trans: Trans): string {
  if (connection === 'unreachable') return trans.__('Spark: no connection');
  if (!cluster) return trans.__('Spark: not started');
  const parts = [trans.__('Spark: %1', shortState(cluster, trans))];
  if (cluster.state === 'starting' && cluster.waitingFor) parts.push(cluster.waitingFor);
  if (cluster.state === 'ready') {
    const { length } = activeExecutors(cluster);
    parts.push(trans._n('%1 executor', '%1 executors', length));
    const { used, granted } = totalMemory(cluster);
    const memory = used === null ? null : usedOfGranted(used, granted, trans);
    if (memory) parts.push(memory);
  }
  return parts.join(' · ');
}

function shortState(cluster: Cluster, trans: Trans): string {
  switch (cluster.state) {
    case 'requested':
    case 'starting':
      return trans.__('starting');
    case 'ready':
      return cluster.stages.length > 0 ? trans.__('working') : trans.__('ready');
    case 'stopping':
      return trans.__('stopping');
    case 'stopped':
      return trans.__('stopped');
    case 'failed':
      return trans.__('failed');
  }
}

export function activeExecutors(cluster: Cluster): Cluster['executors'] {
  return cluster.executors.filter(executor => executor.state === 'active');
}

/** The executors that were lost, the latest first. */
export function lostExecutors(cluster: Cluster): Cluster['executors'] {
  return cluster.executors
    .filter(executor => executor.state === 'lost')
    .sort((a, b) => (b.removedAt ?? 0) - (a.removedAt ?? 0));
}

/** Memory of the driver and the active executors together, MiB; null as soon as one is not known. */
export function totalMemory(cluster: Cluster): { used: number | null; granted: number | null } {
  const parts = [cluster.driver.memory, ...activeExecutors(cluster).map(({ memory }) => memory)];
  const sum = (of: (memory: Memory) => number | null): number | null =>
    parts.reduce<number | null>((total, memory) => {
      const part = of(memory);
      return total === null || part === null ? null : total + part;
    }, 0);
  return { used: sum(memory => memory.usedMiB), granted: sum(memory => memory.limitMiB) };
}

/** What the memory of a process group is used for, MiB; together what is used. */
export interface MemoryParts {
  readonly heap: number;
  readonly python: number;
  readonly other: number;
}

/**
 * Takes used memory apart. Figures come from different clocks (the JVM, the kernel), so that their
 * sum may exceed what is used for a moment: then the heap gives way, never the whole.
 */
export function memoryParts(memory: Memory): MemoryParts | null {
  if (memory.usedMiB === null) return null;
  const python = Math.min(memory.pythonMiB ?? 0, memory.usedMiB);
  const heap = Math.min(memory.heapUsedMiB ?? 0, memory.usedMiB - python);
  return { heap, python, other: memory.usedMiB - python - heap };
}

/** What one executor may use, heap and the rest, MiB. */
function executorMiB(shape: Shape): number {
  return shape.executorMemoryMiB + shape.executorOverheadMiB;
}

function countWords({ min, max }: Shape['executors'], trans: Trans): string {
  return min === max
    ? trans._n('%1 executor', '%1 executors', max)
    : trans.__('%1 to %2 executors', min, max);
}

function executorWords(shape: Shape, trans: Trans): string {
  return trans.__(
    '%1 GiB per executor (%2 Java heap, %3 for Python and the rest)',
    gib(executorMiB(shape)),
    gib(shape.executorMemoryMiB),
    gib(shape.executorOverheadMiB)
  );
}

/** The size of a cluster, one line each for what a person compares. */
export function shapeWords(shape: Shape, trans: Trans): string[] {
  return [
    `${countWords(shape.executors, trans)}, ${trans._n('%1 core each', '%1 cores each', shape.executorCores)}`,
    executorWords(shape, trans),
    trans.__('driver with %1 GiB Java heap', gib(shape.driverMemoryMiB))
  ];
}

/** A shape with what an advice changes in it. */
export function resized(shape: Shape, change: Partial<Shape>): Shape {
  const known = Object.entries(change).filter(([, value]) => value !== undefined);
  return { ...shape, ...Object.fromEntries(known) };
}

/** One difference between two shapes. */
export interface ShapeChange {
  /** Fits on a button: "2.0 GiB per executor". */
  readonly short: string;
  /** Says everything, old and new: for a dialog. */
  readonly full: string;
}

/** What differs between two shapes; empty if they are the same. */
export function shapeChanges(from: Shape, to: Shape, trans: Trans): ShapeChange[] {
  const changes: ShapeChange[] = [];
  const change = (short: string, before: string, after = short): void => {
    changes.push({ short, full: trans.__('%1, until now %2', after, before) });
  };
  if (
    from.executorMemoryMiB !== to.executorMemoryMiB ||
    from.executorOverheadMiB !== to.executorOverheadMiB
  ) {
    const sameSum = executorMiB(from) === executorMiB(to);
    change(
      sameSum
        ? trans.__('%1 GiB Java heap per executor', gib(to.executorMemoryMiB))
        : trans.__('%1 GiB per executor', gib(executorMiB(to))),
      trans.__(
        '%1 GiB (%2 and %3)',
        gib(executorMiB(from)),
        gib(from.executorMemoryMiB),
        gib(from.executorOverheadMiB)
      ),
      executorWords(to, trans)
    );
  }
  if (from.driverMemoryMiB !== to.driverMemoryMiB) {
    change(
      trans.__('%1 GiB driver heap', gib(to.driverMemoryMiB)),
      trans.__('%1 GiB', gib(from.driverMemoryMiB))
    );
  }
  if (from.executors.min !== to.executors.min || from.executors.max !== to.executors.max) {
    change(countWords(to.executors, trans), countWords(from.executors, trans));
  }
  if (from.executorCores !== to.executorCores) {
    change(
      trans._n('%1 core per executor', '%1 cores per executor', to.executorCores),
      `${from.executorCores}`
    );
  }
  return changes;
}

/** What can be done with a cluster now. */
export function possible(cluster: Cluster | null): {
  start: boolean;
  stop: boolean;
  restart: boolean;
} {
  const live = cluster !== null && isLive(cluster);
  const stopping = cluster?.state === 'stopping';
  return { start: !live, stop: live && !stopping, restart: cluster?.state === 'ready' };
}
