import type {
  Observation,
  PodEventObservation,
  PodObservation,
  CapacityObservation
} from '@aglais/diagnosis';

/** Maximum number of recorded Events per pod; a pod that cannot mount its volume for a week must not fill the disk. */
const POD_EVENTS = 300;
/**
 * Maximum number of statuses, and of Events, per cluster: user code can use the driver's service account, which may
 * create pods.
 */
const CLUSTER_STATUSES = 20_000;
const CLUSTER_EVENTS = 20_000;

/** Free capacity changes all the time: a smaller relative change is not recorded. */
const NOTABLE = 0.1;
/** … nor a smaller absolute one, MiB and CPUs, where little is free. */
const NOTABLE_MIB = 64;
const NOTABLE_CORES = 0.25;
/** For a cluster that is pending for days the capacity is recorded at most this often, ms. */
const CAPACITY_MS = 5_000;
const MAX_CAPACITIES = 2_000;

/**
 * Decides what is new about the pods of a cluster: the same status arrives with each list, with each restart of the
 * server, and with each change of an irrelevant field. Pure; given the existing records, it resumes where a previous
 * server stopped.
 */
export class PodRecords {
  private readonly statuses = new Map<string, { seen: Set<string>; memory: string }>();
  private readonly events = new Map<string, { count: number; last: Map<string, string> }>();
  private statusCount = 0;
  private eventCount = 0;
  private lastCapacity: CapacityObservation | null = null;
  private capacities = 0;

  /** Restores the state from an existing record. */
  known(observation: Observation): void {
    if (observation.kind === 'pod') this.isNewStatus(observation);
    if (observation.kind === 'pod-event') this.isNewEvent(observation);
    if (observation.kind === 'capacity') this.isNewCapacity(observation);
  }

  /** Whether the free capacity differs significantly from the last record. */
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

  /** Whether it contains something relevant that no recorded status of this pod has. */
  isNewStatus(pod: PodObservation): boolean {
    if (this.statusCount >= CLUSTER_STATUSES) return false;
    const status = JSON.stringify({ ...pod, version: 0, ref: '' });
    const memory = `${pod.limitMiB} ${pod.requestMiB}`;
    const known = this.statuses.get(pod.uid) ?? { seen: new Set<string>(), memory };
    this.statuses.set(pod.uid, known);
    // Each value of a monotonic field is needed once; of a limit, the last one.
    const isNew = !known.seen.has(status) || known.memory !== memory;
    known.seen.add(status);
    known.memory = memory;
    if (isNew) this.statusCount += 1;
    return isNew;
  }

  /** Whether an event differs from the last one with its reason about this pod. */
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
