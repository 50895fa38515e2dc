import { DRIVER_OVERHEAD_MIB, shapeTotalMiB, type Capacity, type Shape } from '@aglais/protocol';
import { ProblemError } from '../problems.js';

export type Holder = Capacity['holders'][number];

const gib = (mib: number) => `${(mib / 1024).toFixed(1)} GiB`;

/** The largest shape of the same proportions that an empty machine holds: the default with larger executors. */
export function largestShape(memoryMiB: number, base: Shape): Shape {
  const forExecutors = memoryMiB - base.driverMemoryMiB - DRIVER_OVERHEAD_MIB;
  const each = Math.floor(forExecutors / base.executors.max);
  const heap = Math.max(256, each - base.executorOverheadMiB);
  return { ...base, executorMemoryMiB: heap };
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
        `The largest that fits has ${largest.executors.max} executors with ${gib(largest.executorMemoryMiB)} of heap each. ` +
        'Nothing was started.'
    );
  }
  const granted = holders.reduce((sum, holder) => sum + holder.grantedMiB, 0);
  if (granted + wanted > memoryMiB) {
    const list = holders.map(h => `${h.notebook || 'a notebook'} holds ${gib(h.grantedMiB)}`);
    throw new ProblemError(
      409,
      'memory-exhausted',
      `A new Spark needs ${gib(wanted)}, and ${gib(memoryMiB - granted)} of ${gib(memoryMiB)} are free: ` +
        `${list.join(', ')}. Stop one of them (in its panel, or by closing its kernel), then run the cell again.`
    );
  }
}
