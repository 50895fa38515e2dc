import type { Evidence } from '@aglais/protocol';
import type {
  ContainerEnd,
  PodEventObservation,
  PodObservation,
  StatusReason
} from '../observation.js';
import { smaller } from '../eventlog/task-metrics.js';
import { PodMemoryLimits } from './pod-memory-limits.js';

/** A status reason or event of a pod, with its evidence. */
export interface Note extends StatusReason {
  evidence: Evidence;
  /** When it was first observed, ms since the epoch; null if unknown. */
  since: number | null;
}

/** Problems of a pod; the latest message of each kind is kept. */
export type Trouble = 'unschedulable' | 'image' | 'mount' | 'evicted' | 'preempted' | 'rejected';

/** How a container of a pod ended. */
export interface PodEnd extends ContainerEnd {
  evidence: Evidence;
  /** It was observed before the deletion of the pod was requested. */
  beforeDeletion: boolean;
}

export interface PodFacts {
  readonly key: string;
  name: string;
  role: PodObservation['role'];
  executor: string | null;
  application: string | null;
  version: number;
  scheduled: boolean;
  ran: boolean;
  deletedAt: number | null;
  readonly ends: Map<string, PodEnd>;
  readonly troubles: Map<Trouble, Note>;
  readonly limits: PodMemoryLimits;
  requestMiB: number | null;
  /** The pod itself was observed, not only events about it. */
  seen: boolean;
}

/** A pod of this application, and its role. */
export interface ApplicationPod {
  facts: PodFacts;
  role: PodObservation['role'];
  executor: string | null;
}

const QUOTE = 1000;
/** Maximum ends per container, in case it restarts forever. */
const ENDS = 8;
/** Maximum number of pods without problems. */
const HARMLESS_KEPT = 2000;

/** Reasons of waiting containers and of Events, as the kubelet writes them. */
const IMAGE =
  /^(?:ErrImage\w*|ImagePullBackOff|ImageInspectError|InvalidImageName|RegistryUnavailable|SignatureValidationFailed|CreateContainer(?:Config)?Error|RunContainerError|PreCreateHookError|PreStartHookError|PostStartHookError|StartError|ContainerCannotRun|InspectFailed|FailedCreatePodSandBox|FailedPreStopHook)$/;
const MOUNT = /^Failed(?:Mount|AttachVolume|MapVolume)$/;
const CLAIM =
  /persistentvolumeclaim "[^"]*" (?:not found|is being deleted)|unbound immediate PersistentVolumeClaims/;

/**
 * Observations of pods. Monotonic facts (scheduled, ran, ended) and the latest messages are kept, so the order of
 * statuses and events does not matter.
 */
export class Pods {
  readonly #all = new Map<string, PodFacts>();

  [Symbol.iterator](): Iterator<PodFacts> {
    return this.#all.values();
  }

  get size(): number {
    return this.#all.size;
  }

  observe(pod: PodObservation): void {
    const facts = this.#get(pod.uid, pod.name);
    facts.seen = true;
    facts.role ??= pod.role;
    facts.executor ??= pod.executor;
    facts.application ??= pod.application;
    facts.scheduled ||= pod.scheduled;
    facts.ran ||= pod.ran;
    if (pod.deletedAt !== null) {
      facts.deletedAt = Math.min(facts.deletedAt ?? Infinity, pod.deletedAt);
    }
    if (pod.version >= facts.version) {
      facts.version = pod.version;
      facts.requestMiB = pod.requestMiB ?? facts.requestMiB;
    }
    facts.limits.observe(pod.version, pod.limitMiB);
    for (const end of pod.ends) this.#ended(facts, end, pod);
    const note = (trouble: Trouble, said: StatusReason): void =>
      this.#note(facts, trouble, said, 'container', pod.ref);
    if (pod.waiting && IMAGE.test(pod.waiting.reason)) note('image', pod.waiting);
    if (pod.unschedulable) note(schedulingProblem(pod.unschedulable.message), pod.unschedulable);
    if (pod.disrupted) {
      const trouble = disruptionBy(pod.disrupted);
      if (trouble) note(trouble, pod.disrupted);
    }
    this.#forgetHarmless();
  }

  observeEvent(event: PodEventObservation): void {
    const facts = this.#get(event.uid, event.name);
    const { reason, message, at } = event;
    if (reason === 'Scheduled') facts.scheduled = true;
    if (reason === 'Started') facts.ran = true;
    facts.limits.observeEvent(event);
    const trouble = troubleOf(reason, message);
    if (trouble) this.#note(facts, trouble, { reason, message, at }, 'k8s-event', event.ref);
    this.#forgetHarmless();
  }

  #get(uid: string, name: string): PodFacts {
    const key = uid === '' ? `name:${name}` : uid;
    let facts = this.#all.get(key);
    if (!facts) {
      facts = {
        key,
        name,
        role: null,
        executor: null,
        application: null,
        version: 0,
        scheduled: false,
        ran: false,
        deletedAt: null,
        ends: new Map(),
        troubles: new Map(),
        limits: new PodMemoryLimits(),
        requestMiB: null,
        seen: false
      };
      this.#all.set(key, facts);
    }
    return facts;
  }

  #ended(facts: PodFacts, end: ContainerEnd, { ref, deletedAt }: PodObservation): void {
    const { exitCode, reason, at } = end;
    const evidence: Evidence = {
      source: 'container',
      at,
      quote: reason ?? String(exitCode),
      ref: `${ref} ${facts.name}/${end.container}, exit code ${exitCode}`
    };
    const key = JSON.stringify([end.container, at, exitCode, reason]);
    const known = facts.ends.get(key);
    const beforeDeletion = deletedAt === null || known?.beforeDeletion === true;
    if (known) known.beforeDeletion = beforeDeletion;
    if (known ? evidence.ref < known.evidence.ref : facts.ends.size < ENDS) {
      facts.ends.set(key, { ...end, evidence, beforeDeletion });
    }
  }

  #note(
    facts: PodFacts,
    trouble: Trouble,
    said: StatusReason,
    source: Evidence['source'],
    ref: string
  ): void {
    const quote = (said.message || said.reason).slice(0, QUOTE);
    const evidence: Evidence = { source, at: said.at, quote, ref: `${ref} ${facts.name}` };
    const known = facts.troubles.get(trouble);
    const since = smaller(known?.since ?? null, said.at);
    const note = { ...said, evidence, since };
    facts.troubles.set(trouble, !known || newer(note, known) ? note : { ...known, since });
  }

  #forgetHarmless(): void {
    if (this.#all.size <= 2 * HARMLESS_KEPT) return;
    const harmless = [...this.#all.values()].filter(
      ({ troubles, ends }) =>
        troubles.size === 0 && [...ends.values()].every(({ reason }) => reason !== 'OOMKilled')
    );
    for (const { key } of harmless.slice(0, -HARMLESS_KEPT)) this.#all.delete(key);
  }
}

/** By time; of equal times the longer message, then a fixed order. */
function newer(a: Note, b: Note): boolean {
  const difference = (a.at ?? 0) - (b.at ?? 0) || a.evidence.quote.length - b.evidence.quote.length;
  if (difference !== 0) return difference > 0;
  return a.evidence.quote === b.evidence.quote
    ? a.evidence.ref < b.evidence.ref
    : a.evidence.quote > b.evidence.quote;
}

/** A pod's reason, and the reasons of its DisruptionTarget condition (Kubernetes 1.25 and later). */
function disruptionBy({ reason, message }: StatusReason): Trouble | null {
  if (/^Preempt/.test(reason)) return 'preempted';
  if (/^OutOf(?:memory|cpu|pods|ephemeral-storage)|^UnexpectedAdmissionError$/.test(reason)) {
    return 'rejected';
  }
  const evictions =
    /^(?:Evicted|TerminationByKubelet|EvictionByEvictionAPI|DeletionByTaintManager|DeletionByPodGC|NodeLost|NodeShutdown|Shutdown|Terminated|NodeAffinity)$/;
  if (evictions.test(reason)) return 'evicted';
  return /node was low on resource|Usage of EmptyDir|ephemeral/i.test(message ?? '')
    ? 'evicted'
    : null;
}

/** A pod whose volume claim is missing or unbound cannot be scheduled; its size does not matter (`VolumeBinding`). */
function schedulingProblem(message: string | null): Trouble {
  return CLAIM.test(message ?? '') ? 'mount' : 'unschedulable';
}

/** What an Event of the kubelet, the scheduler or a controller means for the pod. */
function troubleOf(reason: string, message: string): Trouble | null {
  if (reason === 'FailedScheduling') return schedulingProblem(message);
  if (MOUNT.test(reason)) return 'mount';
  if (reason === 'Preempted' || reason === 'Preempting') return 'preempted';
  if (reason === 'Evicted' || reason === 'NodeShutdown') return 'evicted';
  if (reason === 'TaintManagerEviction') return /^Marking/.test(message) ? 'evicted' : null;
  if (/^OutOf(?:memory|cpu)$/.test(reason)) return 'rejected';
  if (IMAGE.test(reason)) return 'image';
  if (reason === 'Failed' || reason === 'BackOff') {
    return /image|Error: (?:ErrImage|CreateContainer|InvalidImage)|failed to create containerd task/i.test(
      message
    )
      ? 'image'
      : null;
  }
  return null;
}
