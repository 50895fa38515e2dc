import { DRIVER_OVERHEAD_MIB, Shape, shapeTotalMiB, type Capacity } from '@aglais/protocol';
import { ProblemError } from '../problems.js';

export type Holder = Capacity['holders'][number];

const gib = (mib: number) => `${(mib / 1024).toFixed(1)} GiB`;

const HEAP = Shape.shape.executorMemoryMiB;

/** The smallest shape there is; a machine that does not hold it cannot run Spark. */
export const SMALLEST_SHAPE: Shape = {
  driverMemoryMiB: 256,
  executors: { min: 1, max: 1 },
  executorMemoryMiB: 256,
  executorOverheadMiB: 128,
  executorCores: 1
};

/**
 * The largest shape that an empty machine holds: the default with larger executors; on a small machine with fewer of
 * them, and if even that is too much, the smallest with the heap that is left.
 */
export function largestShape(memoryMiB: number, base: Shape): Shape {
  for (let count = base.executors.max; count > 0; count -= 1) {
    const executorMemoryMiB = largestHeap(memoryMiB, base, count);
    if (!HEAP.safeParse(executorMemoryMiB).success) continue;
    const executors = { min: Math.min(base.executors.min, count), max: count };
    return { ...base, executors, executorMemoryMiB };
  }
  return { ...SMALLEST_SHAPE, executorMemoryMiB: largestHeap(memoryMiB, SMALLEST_SHAPE, 1) };
}

function largestHeap(memoryMiB: number, base: Shape, executors: number): number {
  const each = (memoryMiB - base.driverMemoryMiB - DRIVER_OVERHEAD_MIB) / executors;
  return Math.floor(each) - base.executorOverheadMiB;
}

/**
 * Whether a new cluster may be made. Throws a problem that says what would fit, or who holds what.
 * @param memoryMiB what all clusters together may have
 */
export function admit(
  shape: Shape,
  memoryMiB: number,
  holders: readonly Holder[],
  base: Shape
): void {
  const wanted = shapeTotalMiB(shape);
  if (wanted > memoryMiB) {
    const largest = largestShape(memoryMiB, base);
    throw new ProblemError(
      422,
      'shape-too-large',
      `This shape needs ${gib(wanted)}, and this machine has ${gib(memoryMiB)} for Spark. ` +
        `The largest that fits has ${executorsOf(largest)} of heap. ` +
        'Nothing was started.'
    );
  }
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

function executorsOf({ executors, executorMemoryMiB }: Shape): string {
  const heap = gib(executorMemoryMiB);
  return executors.max === 1
    ? `1 executor with ${heap}`
    : `${executors.max} executors with ${heap} each`;
}
