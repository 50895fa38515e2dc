import { quantityMiB, readPod } from '@aglais/diagnosis';
import type { V1Container, V1Pod, V1PodCondition } from '@kubernetes/client-node';
import type { Notebooks } from '../launchers/kubernetes/kubernetes-config.js';
import type { KilledPod } from './notebook-memories.js';
import type { ProvenPod } from './pod-proof.js';

/** Why the pod of a token is not a notebook pod; null if it is one. */
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

/** Memory of the pod's container according to Kubernetes, MiB. */
export interface PodMemory {
  /** In effect; null: no limit. */
  limitMiB: number | null;
  /** Of the spec. */
  requestMiB: number;
  /** Allocated on its node. */
  allocatedMiB: number;
  /** From the spec, if it is not in effect yet. */
  pendingMiB: number | null;
  /** `deferred`: Kubernetes keeps trying; `infeasible`: it will never succeed. Null if no change is pending. */
  state: 'under-way' | 'deferred' | 'infeasible' | null;
  /** The message of the kubelet. */
  words: string | null;
}

/** The kernel counts in pages. */
const ROUNDING_MIB = 0.5;

/**
 * From the pod's status (KEP 1287). A limit is in effect when the runtime reports it (`resources` of the container's
 * status), the kubelet has allocated it (`allocatedResources`; older kubelets do not report it) and no resize is in
 * progress.
 */
export function podMemory(pod: V1Pod, container: string): PodMemory {
  const asked = containerOf(pod, container)?.resources;
  const status = pod.status?.containerStatuses?.find(({ name }) => name === container);
  const wanted = memoryOf(asked?.limits);
  const requestMiB = memoryOf(asked?.requests) ?? 0;
  const actual = memoryOf(status?.resources?.limits);
  // A kubelet without resize reports nothing: then the container runs with the values of the spec.
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

/** The maximum restart back-off of a kubelet, ms. */
const LATELY_MS = 10 * 60_000;

/** The pod as evidence, if its container was recently OOM-killed and restarted; its kernels are gone. */
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
  // As the API writes it: the client has converted its times to Dates.
  const json = JSON.parse(JSON.stringify(alone)) as Record<string, unknown>;
  const observation = readPod(json, pod.metadata?.name ?? '');
  return observation && { at, pod: { ...observation, role: 'kernel' } };
}

/** Why the limit cannot be raised while the container is running, for the user; null if it can. */
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
 * The patch for the pod's `resize` subresource: requests = limits, so that the node has reserved the memory. The QoS
 * class of a pod must not change: if CPU and memory would become equal only now, the request is one MiB less. The UID
 * ensures that it is the same pod.
 */
export function raisePatch(pod: V1Pod, container: string, memoryMiB: number): object {
  const requestMiB = becomesGuaranteed(pod, container) ? memoryMiB - 1 : memoryMiB;
  return patchOf(pod, container, requestMiB, memoryMiB);
}

/** Restores the values in effect. */
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

/** Kubernetes' `ComputePodQOS`: guaranteed are pods in which all containers have limits that equal their requests. */
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

/** A condition that is true for the current spec: the kubelet may not have seen the latest one yet. */
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
