import type { Cluster, Memory, Shape } from '@aglais/protocol';
import { isLive } from '../backend/selectors';
import type { Connection } from '../tokens';
import { formatMemory, formatMemoryUse } from '../format';
import type { Trans } from '../translation';

/** The state of a cluster as a sentence. */
export function formatState(cluster: Cluster, trans: Trans): string {
  switch (cluster.state) {
    case 'requested':
      return trans.__('Spark is about to start');
    case 'starting':
      return trans.__('Spark is starting');
    case 'ready':
      return cluster.stages.length > 0 ? trans.__('Spark is busy') : trans.__('Spark is ready');
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
    const { usedMiB, limitMiB } = totalMemory(cluster);
    const memory = usedMiB === null ? null : formatMemoryUse(usedMiB, limitMiB, trans);
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
      return cluster.stages.length > 0 ? trans.__('busy') : trans.__('ready');
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

/** The lost executors, latest first. */
export function lostExecutors(cluster: Cluster): Cluster['executors'] {
  return cluster.executors
    .filter(executor => executor.state === 'lost')
    .sort((a, b) => (b.removedAt ?? 0) - (a.removedAt ?? 0));
}

/** Memory of the driver and all active executors, MiB; null if that of one is unknown. */
export function totalMemory(cluster: Cluster): { usedMiB: number | null; limitMiB: number | null } {
  const parts = [cluster.driver.memory, ...activeExecutors(cluster).map(({ memory }) => memory)];
  const sum = (of: (memory: Memory) => number | null): number | null =>
    parts.reduce<number | null>((total, memory) => {
      const part = of(memory);
      return total === null || part === null ? null : total + part;
    }, 0);
  return { usedMiB: sum(memory => memory.usedMiB), limitMiB: sum(memory => memory.limitMiB) };
}

/** What the used memory of a driver or executor consists of, MiB. */
export interface MemoryParts {
  readonly heap: number;
  readonly python: number;
  readonly other: number;
}

/**
 * Splits used memory into its parts. The metrics are sampled at different times (by the JVM and by the kernel), so
 * that the parts may exceed the total for a moment: then the heap is reduced.
 */
export function memoryParts(memory: Memory): MemoryParts | null {
  if (memory.usedMiB === null) return null;
  const python = Math.min(memory.pythonMiB ?? 0, memory.usedMiB);
  const heap = Math.min(memory.heapUsedMiB ?? 0, memory.usedMiB - python);
  return { heap, python, other: memory.usedMiB - python - heap };
}

/** The memory limit of one executor: heap and overhead, MiB. */
function executorMiB(shape: Shape): number {
  return shape.executorMemoryMiB + shape.executorOverheadMiB;
}

function formatExecutorCount({ min, max }: Shape['executors'], trans: Trans): string {
  return min === max
    ? trans._n('%1 executor', '%1 executors', max)
    : trans.__('%1 to %2 executors', min, max);
}

function formatExecutorMemory(shape: Shape, trans: Trans): string {
  return trans.__(
    '%1 per executor (%2 Java heap, %3 for Python and other memory)',
    formatMemory(executorMiB(shape), trans),
    formatMemory(shape.executorMemoryMiB, trans),
    formatMemory(shape.executorOverheadMiB, trans)
  );
}

/** The size of a cluster: a line for executors, executor memory and driver. */
export function formatShape(shape: Shape, trans: Trans): string[] {
  return [
    `${formatExecutorCount(shape.executors, trans)}, ${trans._n('%1 core each', '%1 cores each', shape.executorCores)}`,
    formatExecutorMemory(shape, trans),
    trans.__('driver with %1 Java heap', formatMemory(shape.driverMemoryMiB, trans))
  ];
}

/** A shape with the changes that are set. */
export function mergeShape(shape: Shape, change: Partial<Shape>): Shape {
  const defined = Object.entries(change).filter(([, value]) => value !== undefined);
  return { ...shape, ...Object.fromEntries(defined) };
}

/** One difference between two shapes. */
export interface ShapeChange {
  /** For a button: "2.0 GiB per executor". */
  readonly short: string;
  /** For a dialog: the new and the old value. */
  readonly full: string;
}

/** The differences between two shapes; empty if they are equal. */
export function shapeChanges(from: Shape, to: Shape, trans: Trans): ShapeChange[] {
  const changes: ShapeChange[] = [];
  const change = (short: string, before: string, after = short): void => {
    changes.push({ short, full: trans.__('%1, currently %2', after, before) });
  };
  if (
    from.executorMemoryMiB !== to.executorMemoryMiB ||
    from.executorOverheadMiB !== to.executorOverheadMiB
  ) {
    const sameSum = executorMiB(from) === executorMiB(to);
    change(
      sameSum
        ? trans.__('%1 Java heap per executor', formatMemory(to.executorMemoryMiB, trans))
        : trans.__('%1 per executor', formatMemory(executorMiB(to), trans)),
      trans.__(
        '%1 (%2 and %3)',
        formatMemory(executorMiB(from), trans),
        formatMemory(from.executorMemoryMiB, trans),
        formatMemory(from.executorOverheadMiB, trans)
      ),
      formatExecutorMemory(to, trans)
    );
  }
  if (from.driverMemoryMiB !== to.driverMemoryMiB) {
    change(
      trans.__('%1 driver heap', formatMemory(to.driverMemoryMiB, trans)),
      formatMemory(from.driverMemoryMiB, trans)
    );
  }
  if (from.executors.min !== to.executors.min || from.executors.max !== to.executors.max) {
    change(formatExecutorCount(to.executors, trans), formatExecutorCount(from.executors, trans));
  }
  if (from.executorCores !== to.executorCores) {
    change(
      trans._n('%1 core per executor', '%1 cores per executor', to.executorCores),
      `${from.executorCores}`
    );
  }
  return changes;
}

/** Which actions a cluster allows in its present state. */
export function allowedActions(cluster: Cluster | null): {
  start: boolean;
  stop: boolean;
  restart: boolean;
} {
  const live = cluster !== null && isLive(cluster);
  const stopping = cluster?.state === 'stopping';
  return { start: !live, stop: live && !stopping, restart: cluster?.state === 'ready' };
}
