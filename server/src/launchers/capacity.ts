import type { Shape } from '@aglais/protocol';

/** What one process of a cluster asks of a machine. */
export interface Need {
  memoryMiB: number;
  /** Processors; 0 where nobody counts them. */
  cores: number;
}

/** Machines that are alike, by what Spark may have of each while nothing runs on it. */
export interface Machines extends Need {
  count: number;
  /** Only processes of this kind may run on them; nothing said: both. */
  takes?: 'drivers' | 'executors';
}

/** Where a launcher's clusters live: what is there, and what a cluster needs of it. */
export interface Capacity {
  /** For sentences: "this machine". */
  place: string;
  /** What all clusters together may be granted, MiB. */
  memoryMiB: number;
  machines: readonly Machines[];
  driver(shape: Shape): Need;
  executor(shape: Shape): Need;
  /** What is not known of it, in sentences for people. */
  problems?: readonly string[];
}

/** Memory that a cluster is granted when all its executors are there, MiB. */
export function totalMiB(shape: Shape, capacity: Capacity): number {
  return (
    capacity.driver(shape).memoryMiB + shape.executors.max * capacity.executor(shape).memoryMiB
  );
}

/** Whether the room could ever hold the cluster: each of its processes on one machine, all of them at once. */
export function holds(capacity: Capacity, shape: Shape): boolean {
  return (
    totalMiB(shape, capacity) <= capacity.memoryMiB &&
    places(capacity, shape) >= shape.executors.max
  );
}

/** Executors that find a place beside the driver while nothing else runs; -1 if not even the driver does. */
function places(capacity: Capacity, shape: Shape): number {
  const driver = capacity.driver(shape);
  const executor = capacity.executor(shape);
  const empty = machinesFor(capacity, 'executors').reduce(
    (sum, one) => sum + one.count * fitting(one, executor),
    0
  );
  const beside = machinesFor(capacity, 'drivers')
    .filter(one => fitting(one, driver) > 0)
    .map(one => {
      if (one.takes === 'drivers') return empty;
      const left = {
        memoryMiB: one.memoryMiB - driver.memoryMiB,
        cores: one.cores - driver.cores
      };
      return empty - fitting(one, executor) + fitting(left, executor);
    });
  return Math.max(-1, ...beside);
}

/** How many of these one machine takes. */
function fitting(machine: Need, need: Need): number {
  const byMemory = Math.floor(machine.memoryMiB / need.memoryMiB);
  // Kubernetes counts processors in thousandths.
  const milli = (cores: number) => Math.round(cores * 1_000);
  const byCores =
    need.cores > 0 && Number.isFinite(machine.cores)
      ? Math.floor(milli(machine.cores) / milli(need.cores))
      : Infinity;
  return Math.max(0, Math.min(byMemory, byCores));
}

/** Machines on which such processes may run. */
export function machinesFor(capacity: Capacity, who: 'drivers' | 'executors'): readonly Machines[] {
  return capacity.machines.filter(({ takes = who }) => takes === who);
}

/** The largest machine there is for such processes, by memory. */
export function largestMachine(capacity: Capacity, who: 'drivers' | 'executors'): Need {
  return machinesFor(capacity, who).reduce<Need>(
    (best, one) => (one.memoryMiB > best.memoryMiB ? one : best),
    {
      memoryMiB: 0,
      cores: 0
    }
  );
}
