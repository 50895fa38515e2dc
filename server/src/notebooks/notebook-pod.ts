import { quantityMiB, readPod } from '@aglais/diagnosis';
import type { V1Container, V1Pod, V1PodCondition } from '@kubernetes/client-node';
import type { Notebooks } from '../launchers/kubernetes/kubernetes-config.js';
import type { KilledPod } from './notebook-memories.js';
import type { ProvenPod } from './pod-proof.js';

/** Why the pod that a token is of is none of the notebooks; null if it is one. */
export function notANotebook(pod: V1Pod, proven: ProvenPod, notebooks: Notebooks): string | null {
  const { metadata, spec, status } = pod;
  if (metadata?.uid !== proven.uid) return 'it is another pod of the same name';
  if (metadata.namespace !== notebooks.namespace) {
    return `notebooks are in the namespace "${notebooks.namespace}"`;
  }
  const missing = Object.entries(notebooks.labels)
    .filter(([key, value]) => metadata.labels?.[key] !== value)
    .map(([key, value]) => `${key}=${value}`);
  if (missing.length > 0) return `it does not have the label ${missing.join(', ')}`;
  if (!spec?.containers.some(({ name }) => name === notebooks.container)) {
    return `it has no container "${notebooks.container}"`;
  }
  const over = metadata.deletionTimestamp || status?.phase !== 'Running';
  return over ? 'it is not running' : null;
}

/** Memory of the pod's container as Kubernetes has it, MiB. */
export interface PodMemory {
  /** In force; null: no limit. */
  limitMiB: number | null;
  /** Of the spec. */
  requestMiB: number;
  /** What its node has allocated. */
  allocatedMiB: number;
  /** Of the spec, if it is not in force yet. */
  pendingMiB: number | null;
  /** `deferred`: Kubernetes keeps trying; `infeasible`: it never will be. Null where no change is pending. */
  state: 'under-way' | 'deferred' | 'infeasible' | null;
  /** The message of the kubelet. */
  words: string | null;
}

/** The kernel counts in pages. */
const ROUNDING_MIB = 0.5;

/**
 * From the pod's own status (KEP 1287). In force is what the runtime says (`resources` of the container's status), once
 * the kubelet has also set it aside (`allocatedResources`; older kubelets do not tell) and works on it no longer.
 */
export function podMemory(pod: V1Pod, container: string): PodMemory {
  const asked = containerOf(pod, container)?.resources;
  const status = pod.status?.containerStatuses?.find(({ name }) => name === container);
  const wanted = memoryOf(asked?.limits);
  const requestMiB = memoryOf(asked?.requests) ?? 0;
  const actual = memoryOf(status?.resources?.limits);
  // A kubelet that cannot resize says nothing: then the spec is what the container was started with.
  const limitMiB = status?.resources ? actual : wanted;
  const allocated = memoryOf(status?.allocatedResources);
  const working = conditionOf(pod, 'PodResizeInProgress');
  const allocatedMiB = allocated ?? Math.min(requestMiB, limitMiB ?? requestMiB);
  const base = { limitMiB, requestMiB, allocatedMiB };
  const reached =
    wanted === null ||
    (limitMiB !== null &&
      Math.abs(limitMiB - wanted) < ROUNDING_MIB &&
      (allocated === null || Math.abs(allocated - requestMiB) < ROUNDING_MIB) &&
      !working);
  if (reached) return { ...base, pendingMiB: null, state: null, words: null };
  const pending = conditionOf(pod, 'PodResizePending');
  if (pending) {
    const state = pending.reason === 'Infeasible' ? 'infeasible' : 'deferred';
    const words = pending.message ?? pending.reason ?? null;
    return { ...base, pendingMiB: wanted, state, words };
  }
  return { ...base, pendingMiB: wanted, state: 'under-way', words: working?.message || null };
}

/** A kubelet starts a container again at once, and then later and later, up to this, ms. */
const LATELY_MS = 10 * 60_000;

/** The pod as evidence, if its container was killed for memory and started again lately; its kernels are gone with it. */
export function killedLately(pod: V1Pod, container: string, now: number): KilledPod | null {
  const own = ({ name }: { name: string }) => name === container;
  const status = pod.status?.containerStatuses?.find(own);
  const end = status?.lastState?.terminated;
  if (end?.reason !== 'OOMKilled' || end.exitCode !== 137 || !end.finishedAt) return null;
  const at = new Date(end.finishedAt).getTime();
  if (now - at > LATELY_MS) return null;
  const alone = {
    ...pod,
    spec: { ...pod.spec, containers: pod.spec?.containers.filter(own) },
    status: { ...pod.status, containerStatuses: [status] }
  };
  // As the API writes it: the client has made dates of its times.
  const json = JSON.parse(JSON.stringify(alone)) as Record<string, unknown>;
  const observation = readPod(json, pod.metadata?.name ?? '');
  return observation && { at, pod: { ...observation, role: 'kernel' } };
}

/** Why the limit cannot be raised while the container runs, for its user; null if it can. */
export function blockedReason(
  pod: V1Pod,
  container: string,
  limitMiB: number | null
): string | null {
  if (limitMiB === null) return 'It has no limit: it may use all memory of its node.';
  const own = containerOf(pod, container);
  const config = own?.resizePolicy?.find(({ resourceName }) => resourceName === 'memory');
  if (config?.restartPolicy === 'RestartContainer') {
    return 'Its pod has a resize policy with which another limit would restart it, with all kernels; your administrator can change that for the next one (resizePolicy).';
  }
  return null;
}

/**
 * What is sent to the pod's `resize` subresource: requests = limits, so that the node really has what is promised. The
 * class of a pod's service (QoS) may never change: where both would be equal for CPU and memory only now, one MiB
 * less is asked for. The UID makes sure that it is this pod.
 */
export function raisePatch(pod: V1Pod, container: string, memoryMiB: number): object {
  const requestMiB = becomesGuaranteed(pod, container) ? memoryMiB - 1 : memoryMiB;
  return patchOf(pod, container, requestMiB, memoryMiB);
}

/** Back to what is in force. */
export function withdrawPatch(pod: V1Pod, container: string, before: PodMemory): object {
  return patchOf(pod, container, before.allocatedMiB, before.limitMiB!);
}

function patchOf(pod: V1Pod, container: string, requestMiB: number, limitMiB: number): object {
  const resources = {
    requests: { memory: quantity(requestMiB) },
    limits: { memory: quantity(limitMiB) }
  };
  return {
    metadata: { uid: pod.metadata?.uid },
    spec: { containers: [{ name: container, resources }] }
  };
}

/** Bytes: a limit need not be whole MiB. */
const quantity = (mib: number) => `${Math.round(mib * 2 ** 20)}`;

/** Kubernetes' `ComputePodQOS`: guaranteed are all containers whose limits are set and equal their requests. */
function becomesGuaranteed(pod: V1Pod, container: string): boolean {
  if (pod.status?.qosClass === 'Guaranteed') return false;
  const all = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  return all.every(one => {
    const { limits = {}, requests = {} } = one.resources ?? {};
    const same = (what: string) =>
      limits[what] !== undefined && (requests[what] ?? limits[what]) === limits[what];
    return same('cpu') && (one.name === container || same('memory'));
  });
}

function containerOf(pod: V1Pod, container: string): V1Container | undefined {
  return pod.spec?.containers.find(({ name }) => name === container);
}

/** One that is true and of the spec as it is now: the kubelet may not have seen the newest yet. */
function conditionOf({ metadata, status }: V1Pod, type: string): V1PodCondition | undefined {
  return status?.conditions?.find(
    one =>
      one.type === type &&
      one.status === 'True' &&
      (one.observedGeneration ?? Infinity) >= (metadata?.generation ?? 0)
  );
}

function memoryOf(quantities: Readonly<Record<string, string>> | undefined): number | null {
  return quantityMiB(quantities?.['memory'] ?? null);
}
