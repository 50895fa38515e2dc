import { setTimeout as sleep } from 'node:timers/promises';
import type { FreeCapacity } from '@aglais/diagnosis';
import type { KubeConfig, V1Container, V1Node, V1Pod } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import type { Metric } from '../../../metrics.js';
import type { Capacity } from '../../capacity.js';
import type { WatchTimes } from '../api/list-watch.js';
import type { Ownership } from '../api/ownership.js';
import { largestFree, nodeCapacities, othersMiB, capacityOf } from './node-capacity.js';
import type { KubernetesConfig, Option } from '../kubernetes-config.js';
import { WatchedKind } from './watched-kind.js';

/** How long to wait for the first lists, ms. */
const FIRST_MS = 10_000;
/** A working watch is confirmed every minute or two, ms. */
const STALE_MS = 180_000;
const LIVING = 'status.phase!=Succeeded,status.phase!=Failed';

const GRANT =
  'Let an administrator grant get, list and watch on nodes and pods to this server (ClusterRole, docs/operations/kubernetes.md)';

/**
 * The nodes and their free resources. They are watched, so that a request is answered immediately and does not wait for
 * a list.
 */
export class Nodes {
  private readonly nodes: WatchedKind<V1Node>;
  private readonly pods: WatchedKind<V1Pod>;
  private readonly reported = new Set<string>();

  constructor(
    kubeConfig: KubeConfig,
    private readonly config: KubernetesConfig,
    private readonly owns: Ownership,
    private readonly log: Logger,
    times: Partial<WatchTimes> = {}
  ) {
    this.nodes = new WatchedKind<V1Node>(
      { kubeConfig, path: '/api/v1/nodes', log, times, reduce: reduceNode },
      during => this.reportForbidden('nodes', during)
    );
    this.pods = new WatchedKind<V1Pod>(
      { kubeConfig, path: '/api/v1/pods', fieldSelector: LIVING, log, times, reduce: reducePod },
      during => this.reportForbidden('pods', during)
    );
  }

  /** Starts the watches; nothing has to wait for it. */
  open(): void {
    void this.nodes.known();
    void this.pods.known();
  }

  async close(): Promise<void> {
    await Promise.all([this.nodes.close(), this.pods.close()]);
  }

  /**
   * @param options of the requesting cluster
   * @throws if nothing is known about the nodes and the configuration does not replace it
   */
  async capacity(options: readonly Option[] = []): Promise<Capacity> {
    const { config, owns } = this;
    await this.known();
    if (this.nodes.isForbidden && !this.isConfigured) {
      throw new Error(
        `This server may not list the nodes of Kubernetes, so it is not known what fits. ${GRANT}, or set ` +
          'capacity.memoryMiB and capacity.largestNode in the Kubernetes configuration file.'
      );
    }
    const pods = this.pods.items;
    const capacities = nodeCapacities(this.nodes.items, pods, config, options);
    const capacity = capacityOf(capacities, othersMiB(capacities, pods, owns), config);
    return { ...capacity, problems: this.problems() };
  }

  /** The largest free capacity of a node for such pods now; null if unknown. */
  async free(
    who: 'drivers' | 'executors',
    options: readonly Option[]
  ): Promise<FreeCapacity | null> {
    await this.known();
    if (this.nodes.isForbidden || this.pods.isForbidden) return null;
    return largestFree(
      nodeCapacities(this.nodes.items, this.pods.items, this.config, options),
      who
    );
  }

  metrics(): Metric[] {
    const kinds = [
      ['nodes', this.nodes],
      ['pods', this.pods]
    ] as const;
    return kinds.flatMap(([kind, watched]): Metric[] => [
      {
        name: `aglais_kubernetes_${kind}_forbidden`,
        help: `1: this server has no right to list the ${kind} of Kubernetes, which capacity is computed from`,
        type: 'gauge',
        read: () => (watched.isForbidden ? 1 : 0)
      },
      {
        name: `aglais_kubernetes_${kind}_age_seconds`,
        help: `Since the API server last confirmed what is known of the ${kind}`,
        type: 'gauge',
        read: () => watched.ageMs / 1_000
      }
    ]);
  }

  /** What is unreliable about the answer, in sentences for people. */
  private problems(): string[] {
    const problems: string[] = [];
    if (this.pods.isForbidden && !this.nodes.isForbidden)
      problems.push(
        `This server may not list the pods of Kubernetes: the resources of other pods are unknown, and not subtracted. ${GRANT}.`
      );
    const ageMs = Math.max(
      ...[this.nodes, this.pods].filter(one => !one.isForbidden).map(({ ageMs }) => ageMs)
    );
    if (Number.isFinite(ageMs) && ageMs > STALE_MS)
      problems.push(
        `The Kubernetes API does not answer: this is what was known ${Math.round(ageMs / 60_000)} min ago.`
      );
    return problems;
  }

  private get isConfigured(): boolean {
    const { memoryMiB, largestNode } = this.config.capacity;
    return memoryMiB !== undefined && largestNode !== undefined;
  }

  private async known(): Promise<void> {
    const late = new AbortController();
    const known = Promise.all([this.nodes.known(), this.pods.known()]).then(() => true);
    const inTime = await Promise.race([
      known,
      sleep(FIRST_MS, false, { signal: late.signal }).catch(() => false)
    ]);
    late.abort();
    if (!inTime)
      throw new Error(
        'The Kubernetes API has not listed its nodes and pods yet, so it is not known what fits. Nothing was started; try again.'
      );
  }

  /** Once per permission: it is refused repeatedly. */
  private reportForbidden(kind: 'nodes' | 'pods', during: 'list' | 'watch'): void {
    const right = `${during} ${kind}`;
    if (this.reported.has(right)) return;
    this.reported.add(right);
    const effect =
      during === 'watch'
        ? 'they are listed again and again instead'
        : kind === 'pods'
          ? 'what other pods take of the nodes is not subtracted from the capacity'
          : this.isConfigured
            ? 'the capacity is what the Kubernetes configuration file says'
            : 'no cluster can be started';
    this.log.warn({ right }, `This server may not ${right} in Kubernetes: ${effect}. ${GRANT}.`);
  }
}

/** Images and addresses of thousands of nodes are not needed. */
function reduceNode({ metadata, spec, status }: V1Node): V1Node {
  const ready = status?.conditions?.filter(({ type }) => type === 'Ready');
  return {
    metadata: reduceMetadata(metadata),
    spec: {
      ...(spec?.unschedulable !== undefined && { unschedulable: spec.unschedulable }),
      ...(spec?.taints && { taints: spec.taints })
    },
    status: {
      ...(status?.allocatable && { allocatable: status.allocatable }),
      ...(ready && { conditions: ready })
    }
  };
}

function reducePod({ metadata, spec, status }: V1Pod): V1Pod {
  const { ownerReferences } = metadata ?? {};
  const reduce = ({ name, resources, restartPolicy }: V1Container): V1Container => ({
    name,
    ...(resources?.requests && { resources: { requests: resources.requests } }),
    ...(restartPolicy !== undefined && { restartPolicy })
  });
  return {
    metadata: { ...reduceMetadata(metadata), ...(ownerReferences && { ownerReferences }) },
    spec: {
      containers: (spec?.containers ?? []).map(reduce),
      ...(spec?.initContainers && { initContainers: spec.initContainers.map(reduce) }),
      ...(spec?.nodeName !== undefined && { nodeName: spec.nodeName }),
      ...(spec?.overhead && { overhead: spec.overhead })
    },
    status: { ...(status?.phase !== undefined && { phase: status.phase }) }
  };
}

function reduceMetadata(metadata: V1Pod['metadata']): NonNullable<V1Pod['metadata']> {
  const { name, uid, resourceVersion, labels } = metadata ?? {};
  return {
    ...(name !== undefined && { name }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(labels && { labels })
  };
}
