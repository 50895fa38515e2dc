import { Shape, type CapacityReport } from '@aglais/protocol';
import { ProblemError } from '../../problems.js';
import type { ClusterRow } from '../../store/schema.js';
import { shapeOfRow } from '../row-shape.js';
import { SMALLEST_SHAPE } from './smallest-shape.js';
import {
  holds,
  largestMachine,
  totalMiB,
  type Need,
  type Capacity
} from '../../launchers/capacity.js';

export type Holder = CapacityReport['holders'][number];

const gib = (mib: number) => `${(mib / 1024).toFixed(1)} GiB`;

const HEAP = Shape.shape.executorMemoryMiB;
const LEAST_MIB = HEAP.minValue!;
const MOST_MIB = HEAP.maxValue!;

/**
 * The largest shape that fits while nothing is running: the default with larger executors; where capacity is small with
 * fewer of them, and if even that does not fit, the smallest shape with the remaining heap.
 */
export function largestShape(capacity: Capacity, base: Shape): Shape {
  for (let count = base.executors.max; count > 0; count -= 1) {
    const executors = { min: Math.min(base.executors.min, count), max: count };
    const largest = withLargestHeap(capacity, { ...base, executors });
    if (largest) return largest;
  }
  return withLargestHeap(capacity, SMALLEST_SHAPE) ?? SMALLEST_SHAPE;
}

/** This shape with the largest heap that fits; null if not even the smallest does. */
function withLargestHeap(capacity: Capacity, shape: Shape): Shape | null {
  const sized = (executorMemoryMiB: number): Shape => ({ ...shape, executorMemoryMiB });
  if (!holds(capacity, sized(LEAST_MIB))) return null;
  let fits = LEAST_MIB;
  let tooLarge = MOST_MIB + 1;
  while (tooLarge - fits > 1) {
    const middle = Math.floor((fits + tooLarge) / 2);
    if (holds(capacity, sized(middle))) fits = middle;
    else tooLarge = middle;
  }
  return sized(fits);
}

/**
 * Who holds how much of the memory.
 * @param live clusters that are desired or not yet gone; one that waits for the end of another takes over what that one holds.
 *   Spares hold nothing: they are stopped when a user needs their memory.
 */
export function holdersOf(live: readonly ClusterRow[], capacity: Capacity): Holder[] {
  const size = (row: ClusterRow): number => totalMiB(shapeOfRow(row), capacity);
  const owned = live.filter(({ spare }) => spare === 0);
  const there = new Map(owned.map(row => [row.id, row]));
  return owned.map(row => {
    const before = row.replaces === null ? undefined : there.get(row.replaces);
    const held = before ? size(before) : 0;
    return {
      cluster: row.id,
      notebook: row.notebook,
      grantedMiB: Math.max(0, size(row) - held)
    };
  });
}

/** Memory of all spares, MiB. */
export function sparesMiB(live: readonly ClusterRow[], capacity: Capacity): number {
  const spares = live.filter(({ spare }) => spare === 1);
  return spares.reduce((sum, row) => sum + totalMiB(shapeOfRow(row), capacity), 0);
}

/** Spares that hold memory which a new cluster of this shape needs, the youngest first. */
export function sparesToStop(
  live: readonly ClusterRow[],
  shape: Shape,
  capacity: Capacity
): ClusterRow[] {
  const granted = holdersOf(live, capacity).reduce((sum, { grantedMiB }) => sum + grantedMiB, 0);
  let excessMiB =
    granted + totalMiB(shape, capacity) + sparesMiB(live, capacity) - capacity.memoryMiB;
  const running = live.filter(({ spare, desired }) => spare === 1 && desired === 'running');
  return running
    .sort((a, b) => b.created_at - a.created_at)
    .filter(row => {
      if (excessMiB <= 0) return false;
      excessMiB -= totalMiB(shapeOfRow(row), capacity);
      return true;
    });
}

/**
 * Checks whether a new cluster can be created. Throws a problem that says what would fit, or who holds the memory.
 * @param capacity capacity for all clusters together
 */
export function admit(
  shape: Shape,
  capacity: Capacity,
  holders: readonly Holder[],
  base: Shape
): void {
  const wanted = totalMiB(shape, capacity);
  if (!holds(capacity, shape)) {
    const largest = largestShape(capacity, base);
    throw new ProblemError(
      409,
      'shape-too-large',
      `${whyTooLarge(shape, capacity)} ` +
        `The largest that fits has ${executorsOf(largest)} of heap. ` +
        'Nothing was started.'
    );
  }
  const { memoryMiB } = capacity;
  const granted = holders.reduce((sum, holder) => sum + holder.grantedMiB, 0);
  if (granted + wanted > memoryMiB) {
    const list = holders.map(h => `${h.notebook || 'a notebook'} holds ${gib(h.grantedMiB)}`);
    throw new ProblemError(
      409,
      'memory-exhausted',
      `A new Spark needs ${gib(wanted)}, and ${gib(Math.max(0, memoryMiB - granted))} of ${gib(memoryMiB)} are free: ` +
        `${list.join(', ')}. Stop one of them (in its panel, or by closing its kernel), then run the cell again.`
    );
  }
}

function whyTooLarge(shape: Shape, capacity: Capacity): string {
  const wanted = totalMiB(shape, capacity);
  if (wanted > capacity.memoryMiB) {
    return `This shape needs ${gib(wanted)}, and ${capacity.place} has ${gib(capacity.memoryMiB)} for Spark.`;
  }
  const driver = capacity.driver(shape);
  const executor = capacity.executor(shape);
  const within = (need: Need, machine: Need) =>
    need.memoryMiB <= machine.memoryMiB && need.cores <= machine.cores;
  const [who, need, machine] = within(executor, largestMachine(capacity, 'executors'))
    ? (['The driver', driver, largestMachine(capacity, 'drivers')] as const)
    : (['Each executor', executor, largestMachine(capacity, 'executors')] as const);
  if (within(need, machine)) {
    return (
      `This shape needs ${gib(driver.memoryMiB)} for the driver and ${gib(executor.memoryMiB)} for each of ` +
      `${shape.executors.max} executors, and ${capacity.place} has no machines on which all of them find a place at once.`
    );
  }
  return `${who} needs ${inWords(need)}, and the largest machine of ${capacity.place} has ${inWords(machine)} for Spark.`;
}

const inWords = ({ memoryMiB, cores }: Need) =>
  `${gib(memoryMiB)}${cores > 0 && Number.isFinite(cores) ? ` and ${cores} processors` : ''}`;

function executorsOf({ executors, executorMemoryMiB }: Shape): string {
  const heap = gib(executorMemoryMiB);
  return executors.max === 1
    ? `1 executor with ${heap}`
    : `${executors.max} executors with ${heap} each`;
}
