import {
  shortageClauses,
  formatMiB,
  neededClause,
  schedulerSentence,
  type PodEventObservation,
  type PodObservation,
  type FreeCapacity
} from '@aglais/diagnosis';
import type { Need } from '../capacity.js';

/** Why a cluster is pending, and what would help, for people. */
export interface Waiting {
  for: string;
  advice: string | null;
}

/** A pod of a cluster, with its Events. */
export interface WatchedPod {
  pod: PodObservation;
  events: readonly PodEventObservation[];
  needs: Need;
}

/** The largest free capacity of a node: null where nodes are not visible. */
export type Free = FreeCapacity | null;

/**
 * Why the driver is not ready yet.
 * @param driver null: its pod does not exist yet
 * @param booted its JVM has started to write events
 */
export function driverWaitsFor(driver: WatchedPod | null, booted: boolean, free: Free): Waiting {
  if (!driver) return { for: 'the driver', advice: null };
  const trouble = troubleOf([driver], 'the driver', free);
  if (trouble) return trouble;
  if (booted) return { for: 'the tables of the shares', advice: null };
  return { for: driver.pod.ran ? 'the driver' : "the driver's container", advice: null };
}

/** Why executors are missing; null if none is delayed. */
export function executorsWaitFor(executors: readonly WatchedPod[], free: Free): Waiting | null {
  return troubleOf(executors, 'an executor', free);
}

function troubleOf(pods: readonly WatchedPod[], who: string, free: Free): Waiting | null {
  const waiting = pods.filter(({ pod }) => !pod.ran && pod.ends.length === 0);
  const unplaced = waiting.filter(({ pod }) => !pod.scheduled && pod.unschedulable);
  if (unplaced.length > 0) return placeless(unplaced, who, free);
  for (const { pod, events } of waiting) {
    const image = imageTrouble(pod);
    if (image) return image;
    const volume = volumeTrouble(events);
    if (volume) return volume;
  }
  return null;
}

function placeless(unplaced: readonly WatchedPod[], who: string, free: Free): Waiting {
  const { pod, needs } = unplaced[0]!;
  const message = pod.unschedulable?.message ?? '';
  const claim = /persistentvolumeclaim "([^"]+)" not found/.exec(message)?.[1];
  if (claim) {
    return {
      for: `the volume claim "${claim}", which does not exist`,
      advice: `Ask an administrator to create the claim in this namespace, or to remove it from the Kubernetes configuration file.`
    };
  }
  if (/unbound immediate PersistentVolumeClaims/.test(message)) {
    return {
      for: 'a volume claim that has no volume yet',
      advice: 'Ask an administrator why the claim is not bound (kubectl describe pvc).'
    };
  }
  const needed =
    unplaced.length > 1
      ? `a place for executors: ${neededClause(needs.memoryMiB, unplaced.length)}`
      : `a place for ${who}: it needs ${formatMiB(needs.memoryMiB)}`;
  const known = shortageClauses(message, needs, free);
  const sentence = schedulerSentence(message);
  const lacks = known.length > 0 || !sentence ? known : [`the scheduler says: ${sentence}`];
  return {
    for: `${needed}${lacks.length > 0 ? `; ${lacks.join(', ')}` : ''}`,
    advice:
      'Stop a Spark that you do not need, ask for fewer or smaller executors, or try again when others have finished.'
  };
}

function imageTrouble(pod: PodObservation): Waiting | null {
  const { reason, message } = pod.waiting ?? {};
  if (!reason) return null;
  const said = message ? ` (${message.slice(0, 200)})` : '';
  if (/Image|Registry/.test(reason)) {
    return {
      for: `the container image, which could not be pulled: ${reason}${said}`,
      advice:
        'Ask an administrator: the nodes must be able to pull the image in the Kubernetes configuration file.'
    };
  }
  if (/^Create|StartError|CannotRun/.test(reason)) {
    return {
      for: `the container, which could not be created: ${reason}${said}`,
      advice: 'Ask an administrator; the message in brackets is from the node.'
    };
  }
  return null;
}

function volumeTrouble(events: readonly PodEventObservation[]): Waiting | null {
  const event = events.filter(({ reason }) => /^Failed(Mount|AttachVolume)$/.test(reason)).at(-1);
  if (!event) return null;
  return {
    for: `a volume that cannot be mounted: ${event.message.slice(0, 300)}`,
    advice:
      'Ask an administrator: the file system of a share may be down, or the configuration may have a wrong volume name.'
  };
}
