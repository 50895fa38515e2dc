import type { FreeRoom } from '@aglais/diagnosis';
import type { KubeConfig, KubernetesListObject, V1Node, V1Pod } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { ApiError, getJson } from '../../../kubernetes/api-request.js';
import type { Room } from '../../room.js';
import { installationLabels } from './names.js';
import { mostFree, nodeRooms, othersMiB, roomOf, type NodeRoom } from './node-room.js';
import type { KubernetesPolicy, Option } from './policy.js';

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
    private readonly config: KubeConfig,
    private readonly policy: KubernetesPolicy,
    private readonly log: Logger
  ) {}

  /**
   * @param options of the cluster that asks
   * @throws if the nodes may not be seen and the policy has no figures in their place
   */
  async room(options: readonly Option[] = []): Promise<Room> {
    const rooms = await this.rooms(options);
    const { pods } = await this.look();
    const own = Object.entries(installationLabels(this.policy));
    const isOurs = (pod: V1Pod) =>
      own.every(([key, value]) => pod.metadata?.labels?.[key] === value);
    return roomOf(rooms, othersMiB(rooms, pods, isOurs), this.policy);
  }

  /** The most that is free on one node for such pods now; null where that may not be seen. */
  async free(who: 'drivers' | 'executors', options: readonly Option[]): Promise<FreeRoom | null> {
    return mostFree(await this.rooms(options), who);
  }

  private async rooms(options: readonly Option[]): Promise<NodeRoom[]> {
    const { nodes, pods } = await this.look();
    return nodeRooms(nodes, pods, this.policy, options);
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
    const { policy } = this;
    const said = policy.capacity.memoryMiB !== undefined && policy.capacity.largestNode;
    const nodes = await this.list<V1Node>('nodes');
    if (!nodes) {
      if (said) return { nodes: [], pods: [] };
      throw new Error(
        'The nodes of Kubernetes may not be looked at, so nobody knows what fits. Let the operator grant it ' +
          '(get and list on nodes), or say capacity.memoryMiB and capacity.largestNode in the policy for Kubernetes.'
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
        this.config,
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
