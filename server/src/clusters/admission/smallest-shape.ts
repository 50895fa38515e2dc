import type { Shape } from '@aglais/protocol';

/** The smallest possible shape; a machine without capacity for it cannot run Spark. */
export const SMALLEST_SHAPE: Shape = {
  driverMemoryMiB: 256,
  executors: { min: 1, max: 1 },
  executorMemoryMiB: 256,
  executorOverheadMiB: 128,
  executorCores: 1
};
