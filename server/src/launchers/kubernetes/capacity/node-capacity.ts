import { quantityMiB, type FreeCapacity } from '@aglais/diagnosis';
import type { V1Container, V1Node, V1Pod, V1Taint } from '@kubernetes/client-node';
import type { Machines, Need, Capacity } from '../../capacity.js';
import type { KubernetesConfig, Option } from '../kubernetes-config.js';
import { coresOf, driverSize, executorSize } from './pod-size.js';

/** Free resources of one node now, and if only the node's own pods (DaemonSets, static pods) ran on it. */
export interface NodeCapacity {
  name: string;
  empty: Need;
  free: Need;
  /** Which pods of the requesting cluster may run on it; neither: only those of clusters with other options. */
  takes: { drivers: boolean; executors: boolean };
}

const NOTHING: Need = { memoryMiB: 0, cores: 0 };

/**
 * The nodes on which clusters may run, with their capacity.
 * @param nodes all nodes
 * @param pods all running and scheduled pods, of all users, as far as they are visible
 * @param options of the requesting cluster
 */
export function nodeCapacities(
  nodes: Iterable<V1Node>,
  pods: Iterable<V1Pod>,
  config: KubernetesConfig,
  options: readonly Option[] = []
): NodeCapacity[] {
  const own = executorPlacement(config.placement, options);
  const others = Object.values(config.options).map(one =>
    executorPlacement(config.placement, [one])
  );
  const taken = new Map<string, { own: Need; all: Need }>();
  for (const pod of pods) {
    const node = pod.spec?.nodeName;
    const phase = pod.status?.phase;
    if (!node || phase === 'Succeeded' || phase === 'Failed') continue;
    const before = taken.get(node) ?? { own: NOTHING, all: NOTHING };
    const size = podSize(pod);
    const all = plus(before.all, size);
    taken.set(node, { all, own: belongsToNode(pod) ? plus(before.own, size) : before.own });
  }
  return [...nodes]
    .filter(node => [config.placement, own, ...others].some(placement => takes(node, placement)))
    .map(node => {
      const name = node.metadata?.name ?? '';
      const { memory, cpu } = node.status?.allocatable ?? {};
      const allocatable = {
        memoryMiB: quantityMiB(memory ?? null) ?? 0,
        cores: coresOf(cpu ?? '0')
      };
      const { own: ofNode, all } = taken.get(name) ?? { own: NOTHING, all: NOTHING };
      return {
        ...{ name, empty: minus(allocatable, ofNode), free: minus(allocatable, all) },
        takes: { drivers: takes(node, config.placement), executors: takes(node, own) }
      };
    });
}

/** Memory of a node that no pod requests, MiB; negative where pods request more than it has. */
export function unrequestedMiB(node: V1Node, pods: Iterable<V1Pod>): number {
  let left = quantityMiB(node.status?.allocatable?.['memory'] ?? null) ?? 0;
  for (const pod of pods) {
    const over = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (!over && pod.spec?.nodeName === node.metadata?.name) left -= podSize(pod).memoryMiB;
  }
  return left;
}

/** The largest free capacity of a node that accepts such pods; null if there is none. */
export function largestFree(
  nodes: readonly NodeCapacity[],
  who: 'drivers' | 'executors'
): FreeCapacity | null {
  const free = nodes.filter(({ takes }) => takes[who]).map(node => node.free);
  if (free.length === 0) return null;
  return {
    memoryMiB: Math.floor(Math.max(...free.map(({ memoryMiB }) => memoryMiB))),
    cores: Math.max(...free.map(({ cores }) => cores))
  };
}

/** The capacity of the nodes for clusters; values in the configuration take precedence over observed ones. */
export function capacityOf(
  nodes: readonly NodeCapacity[],
  othersMiB: number,
  config: KubernetesConfig
): Capacity {
  const { memoryMiB, largestNode } = config.capacity;
  const sum = nodes.reduce((mib, { empty }) => mib + empty.memoryMiB, 0);
  const seen = groupEqual(nodes);
  return {
    place: 'this Kubernetes cluster',
    memoryMiB: Math.floor(memoryMiB ?? Math.max(0, sum - othersMiB)),
    // Nodes that could be added: as many as the largest cluster could need.
    machines: largestNode ? [...seen, { count: 1_001, ...largestNode }] : seen,
    driver: shape => driverSize(shape, config),
    executor: shape => executorSize(shape, config)
  };
}

/** Memory requests of pods on these nodes that are neither ours nor the nodes' own, MiB. */
export function othersMiB(
  nodes: readonly NodeCapacity[],
  pods: Iterable<V1Pod>,
  isOurs: (pod: V1Pod) => boolean
): number {
  const names = new Set(nodes.map(({ name }) => name));
  let sum = 0;
  for (const pod of pods) {
    const phase = pod.status?.phase;
    if (phase === 'Succeeded' || phase === 'Failed' || isOurs(pod) || belongsToNode(pod)) continue;
    if (names.has(pod.spec?.nodeName ?? '')) sum += podSize(pod).memoryMiB;
  }
  return sum;
}

/**
 * The requests that the scheduler counts for a pod: containers and native sidecars together, or one init container if
 * that is more (Kubernetes' `PodRequests`), and the overhead of its runtime.
 */
export function podSize({ spec }: V1Pod): Need {
  const inits = spec?.initContainers ?? [];
  const sidecars = inits.filter(one => one.restartPolicy === 'Always');
  const running = [...(spec?.containers ?? []), ...sidecars].map(requests).reduce(plus, NOTHING);
  const starting = inits.filter(one => one.restartPolicy !== 'Always').map(requests);
  const most = starting.reduce(
    (a, b) => ({
      memoryMiB: Math.max(a.memoryMiB, b.memoryMiB),
      cores: Math.max(a.cores, b.cores)
    }),
    running
  );
  const overhead = (spec?.overhead ?? {}) as Record<string, string>;
  return plus(most, needOf(overhead));
}

const requests = (container: V1Container) => needOf(container.resources?.requests ?? {});

function needOf(quantities: Readonly<Record<string, string>>): Need {
  return {
    memoryMiB: quantityMiB(quantities['memory'] ?? null) ?? 0,
    cores: coresOf(quantities['cpu'] ?? '0')
  };
}

/** Pods of DaemonSets are recreated wherever they end; static ones belong to the node. */
function belongsToNode({ metadata }: V1Pod): boolean {
  return (metadata?.ownerReferences ?? []).some(
    ({ kind }) => kind === 'DaemonSet' || kind === 'Node'
  );
}

/** Executors may run where the operator's placement and all of their options allow it. */
function executorPlacement(
  { nodeSelector, tolerations }: Placement,
  options: readonly Option[]
): Placement {
  return {
    nodeSelector: Object.assign(
      {},
      nodeSelector,
      ...options.map(option => option.nodeSelector)
    ) as Record<string, string>,
    tolerations: [...tolerations, ...options.flatMap(option => option.tolerations)]
  };
}

type Placement = Pick<KubernetesConfig['placement'], 'nodeSelector' | 'tolerations'>;

function takes(node: V1Node, { nodeSelector, tolerations }: Placement): boolean {
  const labels = node.metadata?.labels ?? {};
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  if (node.spec?.unschedulable || ready?.status !== 'True') return false;
  if (Object.entries(nodeSelector).some(([key, value]) => labels[key] !== value)) return false;
  const tolerated = (taint: V1Taint) =>
    taint.effect === 'PreferNoSchedule' ||
    tolerations.some(
      ({ key, operator = 'Equal', value = '', effect }) =>
        (effect === undefined || effect === taint.effect) &&
        (operator === 'Exists'
          ? key === undefined || key === taint.key
          : key === taint.key && value === (taint.value ?? ''))
    );
  return (node.spec?.taints ?? []).every(tolerated);
}

function groupEqual(nodes: readonly NodeCapacity[]): Machines[] {
  const counted = new Map<string, Machines>();
  for (const { empty, takes } of nodes) {
    if (!takes.drivers && !takes.executors) continue;
    const only = !takes.drivers ? 'executors' : !takes.executors ? 'drivers' : null;
    const key = `${empty.memoryMiB}/${empty.cores}/${only}`;
    const count = (counted.get(key)?.count ?? 0) + 1;
    counted.set(key, { ...empty, count, ...(only && { takes: only }) });
  }
  return [...counted.values()];
}

function plus(a: Need, b: Need): Need {
  return { memoryMiB: a.memoryMiB + b.memoryMiB, cores: a.cores + b.cores };
}

function minus(a: Need, b: Need): Need {
  return {
    memoryMiB: Math.max(0, a.memoryMiB - b.memoryMiB),
    cores: Math.max(0, a.cores - b.cores)
  };
}
