import type { V1Pod } from '@kubernetes/client-node';
import { DRIVER_CONTAINER } from './objects/names.js';

/** A driver is never started a second time: when its container has ended, or its deletion was requested, it is over. */
export function hasEnded({ metadata, status }: V1Pod): boolean {
  if (metadata?.deletionTimestamp) return true;
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return true;
  return driverState(status)?.terminated !== undefined;
}

/** Whether the driver's JVM may still write. */
export function isRunning({ status }: V1Pod): boolean {
  return driverState(status)?.running !== undefined;
}

function driverState(status: V1Pod['status']) {
  return status?.containerStatuses?.find(({ name }) => name === DRIVER_CONTAINER)?.state;
}

/** Whether the scheduler reported that no node fits. */
export function isUnplaced({ spec, status }: V1Pod): boolean {
  if (spec?.nodeName || status?.phase !== 'Pending') return false;
  return (status.conditions ?? []).some(
    ({ type, status: is }) => type === 'PodScheduled' && is === 'False'
  );
}
