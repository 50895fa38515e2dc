import { DRIVER_OVERHEAD_MIB, executorLimitMiB } from '@aglais/protocol';
import type { Capacity } from '../capacity.js';

/**
 * This machine, which all clusters share; its cores are not divided between them.
 * @param memoryMiB limit for all clusters together
 */
export function machineCapacity(memoryMiB: number): Capacity {
  return {
    place: 'this machine',
    memoryMiB,
    machines: [{ count: 1, memoryMiB, cores: Infinity }],
    driver: shape => ({ memoryMiB: shape.driverMemoryMiB + DRIVER_OVERHEAD_MIB, cores: 0 }),
    executor: shape => ({ memoryMiB: executorLimitMiB(shape), cores: 0 })
  };
}
