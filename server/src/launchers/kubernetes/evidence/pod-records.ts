import type {
  Observation,
  PodEventObservation,
  PodObservation,
  CapacityObservation
} from '@aglais/diagnosis';

/** Most Events about one pod that are recorded; a pod that cannot be mounted for a week must not fill the disk. */
const POD_EVENTS = 300;
/** Most statuses, and most Events, of one cluster: the driver's account may make pods, and user code has that account. */
const CLUSTER_STATUSES = 20_000;
const CLUSTER_EVENTS = 20_000;

/** What nodes have free changes all the time: less than this share of it is no news. */
const NOTABLE = 0.1;
/** … and less than this, MiB and CPUs, where little is free. */
const NOTABLE_MIB = 64;
const NOTABLE_CORES = 0.25;
/** Of a cluster that waits for days the capacity is recorded no more often than this, ms. */
const CAPACITY_MS = 5_000;
const MAX_CAPACITIES = 2_000;

/**
 * Says what of the pods of a cluster is new: the same status comes with each list, with each restart of the server, and
 * with each change of a field that decides nothing. Pure; given what is on record, it goes on where an earlier server was.
 */
export class PodRecords {
  private readonly statuses = new Map<string, { seen: Set<string>; memory: string }>();
  private readonly events = new Map<string, { count: number; last: Map<string, string> }>();
  private statusCount = 0;
  private eventCount = 0;
  private lastCapacity: CapacityObservation | null = null;
  private capacities = 0;

  /** Takes what is on record. */
  known(observation: Observation): void {
    if (observation.kind === 'pod') this.isNewStatus(observation);
    if (observation.kind === 'pod-event') this.isNewEvent(observation);
    if (observation.kind === 'capacity') this.isNewCapacity(observation);
  }

  /** Whether notably more or less is free than when it was recorded last. */
  isNewCapacity(capacity: CapacityObservation): boolean {
    const last = this.lastCapacity;
    if (last && (capacity.at - last.at < CAPACITY_MS || this.capacities >= MAX_CAPACITIES))
      return false;
    if (
      last &&
      !differs(last.memoryMiB, capacity.memoryMiB, NOTABLE_MIB) &&
      !differs(last.cores, capacity.cores, NOTABLE_CORES)
    )
      return false;
    this.lastCapacity = capacity;
    this.capacities += 1;
    return true;
  }

  /** Whether it decides something that no recorded status of this pod does. */
  isNewStatus(pod: PodObservation): boolean {
    if (this.statusCount >= CLUSTER_STATUSES) return false;
    const status = JSON.stringify({ ...pod, version: 0, ref: '' });
    const memory = `${pod.limitMiB} ${pod.requestMiB}`;
    const known = this.statuses.get(pod.uid) ?? { seen: new Set<string>(), memory };
    this.statuses.set(pod.uid, known);
    // Of what only grows each state is needed once; of a limit, the last.
    const isNew = !known.seen.has(status) || known.memory !== memory;
    known.seen.add(status);
    known.memory = memory;
    if (isNew) this.statusCount += 1;
    return isNew;
  }

  /** Whether an event says something else than the last one of its reason about this pod. */
  isNewEvent({ uid, name, reason, message }: PodEventObservation): boolean {
    if (this.eventCount >= CLUSTER_EVENTS) return false;
    const pod = uid || name;
    const known = this.events.get(pod) ?? { count: 0, last: new Map<string, string>() };
    this.events.set(pod, known);
    if (known.last.get(reason) === message || known.count >= POD_EVENTS) return false;
    known.last.set(reason, message);
    known.count += 1;
    this.eventCount += 1;
    return true;
  }
}

function differs(before: number, now: number, least: number): boolean {
  return Math.abs(now - before) > Math.max(least, NOTABLE * before);
}
