import { quantityMiB } from '@aglais/diagnosis';
import { executorLimitMiB, type Shape } from '@aglais/protocol';
import type { V1Pod } from '@kubernetes/client-node';
import { EXECUTOR_CONTAINER } from '../objects/names.js';

/** The patch for a pod's `resize` subresource. */
export function memoryPatch(memoryMiB: number): object {
  const memory = `${memoryMiB}Mi`;
  const resources = { requests: { memory }, limits: { memory } };
  return { spec: { containers: [{ name: EXECUTOR_CONTAINER, resources }] } };
}

/** The progress of a pod towards a memory limit. */
export type ResizeProgress =
  | { state: 'in-force' | 'under-way' }
  /** `deferred`: Kubernetes keeps trying; `infeasible`: it will never succeed. */
  | { state: 'deferred' | 'infeasible'; words: string };

/**
 * From the pod's status (KEP 1287): the container reports the limit in effect, a condition what prevents the new one.
 */
export function resizeProgress({ status }: V1Pod, memoryMiB: number): ResizeProgress {
  const container = status?.containerStatuses?.find(({ name }) => name === EXECUTOR_CONTAINER);
  const limit = quantityMiB(container?.resources?.limits?.['memory'] ?? null);
  if (limit !== null && limit >= memoryMiB) return { state: 'in-force' };
  const pending = status?.conditions?.find(
    ({ type, status: is }) => type === 'PodResizePending' && is === 'True'
  );
  if (!pending) return { state: 'under-way' };
  return {
    state: pending.reason === 'Infeasible' ? 'infeasible' : 'deferred',
    words: pending.message ?? pending.reason ?? ''
  };
}

/** Executors that run with less than their shape: Spark creates new ones with the original size. */
export function belowLimit(executors: readonly V1Pod[], shape: Shape): V1Pod[] {
  const wanted = executorLimitMiB(shape);
  return executors.filter(({ metadata, status, spec }) => {
    const asked = spec?.containers.find(({ name }) => name === EXECUTOR_CONTAINER);
    const limit = quantityMiB(asked?.resources?.limits?.['memory'] ?? null);
    const lives = status?.phase === 'Running' && !metadata?.deletionTimestamp;
    return lives && limit !== null && limit < wanted;
  });
}
