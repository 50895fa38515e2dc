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
export interface Room {
  /** For sentences: "this machine". */
  place: string;
  /** What all clusters together may be granted, MiB. */
  memoryMiB: number;
  machines: readonly Machines[];
  driver(shape: Shape): Need;
  executor(shape: Shape): Need;
}

/** Memory that a cluster is granted when all its executors are there, MiB. */
export function totalMiB(shape: Shape, room: Room): number {
  return room.driver(shape).memoryMiB + shape.executors.max * room.executor(shape).memoryMiB;
}

/** Whether the room could ever hold the cluster: each of its processes on one machine, all of them at once. */
export function holds(room: Room, shape: Shape): boolean {
  return totalMiB(shape, room) <= room.memoryMiB && places(room, shape) >= shape.executors.max;
}

/** Executors that find a place beside the driver while nothing else runs; -1 if not even the driver does. */
function places(room: Room, shape: Shape): number {
  const driver = room.driver(shape);
  const executor = room.executor(shape);
  const empty = machinesFor(room, 'executors').reduce(
    (sum, one) => sum + one.count * fitting(one, executor),
    0
  );
  const beside = machinesFor(room, 'drivers')
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
export function machinesFor(room: Room, who: 'drivers' | 'executors'): readonly Machines[] {
  return room.machines.filter(({ takes = who }) => takes === who);
}

/** The largest machine there is for such processes, by memory. */
export function largestMachine(room: Room, who: 'drivers' | 'executors'): Need {
  return machinesFor(room, who).reduce<Need>(
    (best, one) => (one.memoryMiB > best.memoryMiB ? one : best),
    {
      memoryMiB: 0,
      cores: 0
    }
  );
}
