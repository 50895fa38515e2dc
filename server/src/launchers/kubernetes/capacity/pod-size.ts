import { executorLimitMiB, type Shape } from '@aglais/protocol';
import type { KubernetesConfig } from '../kubernetes-config.js';

/** Resource requests of one pod. */
export interface PodSize {
  memoryMiB: number;
  cores: number;
}

/** A quantity of CPUs (`250m`, `2`, `1.5`) as a number. */
export function coresOf(quantity: string): number {
  return quantity.endsWith('m') ? Number(quantity.slice(0, -1)) / 1_000 : Number(quantity);
}

/** The driver's container: its heap and the memory overhead, MiB. */
export function driverLimitMiB(shape: Shape, config: KubernetesConfig): number {
  return shape.driverMemoryMiB + config.driver.overheadMiB;
}

/**
 * The driver's pod including its witness: the requests of a native sidecar are added to those of the containers (KEP
 * 753).
 */
export function driverSize(shape: Shape, config: KubernetesConfig): PodSize {
  return {
    memoryMiB: driverLimitMiB(shape, config) + config.witness.memoryMiB,
    cores: coresOf(config.driver.cpu.request) + coresOf(config.witness.cpu)
  };
}

/**
 * The pod of one executor. Spark computes the same from its properties: heap + overhead, without off-heap memory and
 * without a separate limit for Python (`ResourceProfile.calculateOverHeadMemory`); Python workers are part of the
 * overhead.
 */
export function executorSize(shape: Shape, config: KubernetesConfig): PodSize {
  return {
    memoryMiB: executorLimitMiB(shape),
    cores: executorCpu(shape, config)
  };
}

/** CPUs that one executor requests, rounded to thousandths as Kubernetes counts them. */
export function executorCpu(shape: Shape, config: KubernetesConfig): number {
  return Math.max(1, Math.round(shape.executorCores * config.executor.cpuPerCore * 1_000)) / 1_000;
}
