import type { Shape } from '@aglais/protocol';

/** Resource requests of one process of a cluster. */
export interface Need {
  memoryMiB: number;
  /** CPUs; 0 where they are not counted. */
  cores: number;
}

/** Identical machines, by the capacity for Spark while nothing runs on them. */
export interface Machines extends Need {
  count: number;
  /** Only processes of this kind may run on them; undefined: both. */
  takes?: 'drivers' | 'executors';
}

/** The capacity of a launcher, and how much of it a cluster needs. */
export interface Capacity {
  /** For sentences: "this machine". */
  place: string;
  /** Memory that all clusters together may be granted, MiB. */
  memoryMiB: number;
  machines: readonly Machines[];
  driver(shape: Shape): Need;
  executor(shape: Shape): Need;
  /** What is unknown about it, in sentences for people. */
  problems?: readonly string[];
}

/** Memory of a cluster with all its executors, MiB. */
export function totalMiB(shape: Shape, capacity: Capacity): number {
  return (
    capacity.driver(shape).memoryMiB + shape.executors.max * capacity.executor(shape).memoryMiB
  );
}

/** Whether the capacity could ever hold the cluster: each of its processes on one machine, all of them at once. */
export function holds(capacity: Capacity, shape: Shape): boolean {
  return (
    totalMiB(shape, capacity) <= capacity.memoryMiB &&
    places(capacity, shape) >= shape.executors.max
  );
}

/** Number of executors that fit in addition to the driver while nothing else runs; -1 if not even the driver fits. */
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

/** Number of these processes that fit on one machine. */
function fitting(machine: Need, need: Need): number {
  const byMemory = Math.floor(machine.memoryMiB / need.memoryMiB);
  // Kubernetes counts CPUs in thousandths.
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

/** The machine with the most memory for such processes. */
export function largestMachine(capacity: Capacity, who: 'drivers' | 'executors'): Need {
  return machinesFor(capacity, who).reduce<Need>(
    (best, one) => (one.memoryMiB > best.memoryMiB ? one : best),
    {
      memoryMiB: 0,
      cores: 0
    }
  );
}
