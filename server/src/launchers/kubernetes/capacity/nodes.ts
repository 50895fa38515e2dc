import type { FreeCapacity } from '@aglais/diagnosis';
import type { KubeConfig, KubernetesListObject, V1Node, V1Pod } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { ApiError, getJson } from '../api/api-request.js';
import type { Capacity } from '../../capacity.js';
import { installationLabels } from '../objects/names.js';
import {
  largestFree,
  nodeCapacities,
  othersMiB,
  capacityOf,
  type NodeCapacity
} from './node-capacity.js';
import type { KubernetesConfig, Option } from '../kubernetes-config.js';

/** What was seen of the nodes is good for this long, ms. */
const FRESH_MS = 5_000;
const ANSWER_MS = 10_000;
const LIVING = 'status.phase!=Succeeded,status.phase!=Failed';

interface Seen {
  nodes: V1Node[];
  pods: V1Pod[];
}

/** The nodes and what is free on them, looked at when somebody asks. */
export class Nodes {
  private seen: Promise<Seen> | null = null;
  private askedAt = 0;

  constructor(
    private readonly kubeConfig: KubeConfig,
    private readonly config: KubernetesConfig,
    private readonly log: Logger
  ) {}

  /**
   * @param options of the cluster that asks
   * @throws if the nodes may not be seen and the configuration has no figures in their place
   */
  async capacity(options: readonly Option[] = []): Promise<Capacity> {
    const capacities = await this.capacities(options);
    const { pods } = await this.look();
    const own = Object.entries(installationLabels(this.config));
    const isOurs = (pod: V1Pod) =>
      own.every(([key, value]) => pod.metadata?.labels?.[key] === value);
    return capacityOf(capacities, othersMiB(capacities, pods, isOurs), this.config);
  }

  /** The most that is free on one node for such pods now; null where that may not be seen. */
  async free(
    who: 'drivers' | 'executors',
    options: readonly Option[]
  ): Promise<FreeCapacity | null> {
    return largestFree(await this.capacities(options), who);
  }

  private async capacities(options: readonly Option[]): Promise<NodeCapacity[]> {
    const { nodes, pods } = await this.look();
    return nodeCapacities(nodes, pods, this.config, options);
  }

  private look(): Promise<Seen> {
    if (!this.seen || Date.now() - this.askedAt > FRESH_MS) {
      this.askedAt = Date.now();
      const seen = this.ask();
      this.seen = seen;
      seen.catch(() => {
        if (this.seen === seen) this.seen = null;
      });
    }
    return this.seen;
  }

  private async ask(): Promise<Seen> {
    const { config } = this;
    const said = config.capacity.memoryMiB !== undefined && config.capacity.largestNode;
    const nodes = await this.list<V1Node>('nodes');
    if (!nodes) {
      if (said) return { nodes: [], pods: [] };
      throw new Error(
        'The nodes of Kubernetes may not be looked at, so nobody knows what fits. Let the operator grant it ' +
          '(get and list on nodes), or say capacity.memoryMiB and capacity.largestNode in the Kubernetes configuration file.'
      );
    }
    return { nodes, pods: (await this.list<V1Pod>('pods', { fieldSelector: LIVING })) ?? [] };
  }

  /** Null where the API server refuses. */
  private async list<T extends V1Node | V1Pod>(
    kind: string,
    query: Record<string, string> = {}
  ): Promise<T[] | null> {
    try {
      const { signal } = new AbortController();
      const path = `/api/v1/${kind}`;
      const { body } = await getJson<KubernetesListObject<T>>(
        this.kubeConfig,
        path,
        query,
        signal,
        ANSWER_MS
      );
      return body.items;
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 403)) throw error;
      this.log.debug({ kind }, 'this may not be listed in Kubernetes');
      return null;
    }
  }
}
