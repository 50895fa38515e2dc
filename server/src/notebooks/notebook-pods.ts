import { setTimeout as sleep } from 'node:timers/promises';
import type { NotebookMemory, NotebookReading } from '@aglais/protocol';
import {
  AuthenticationV1Api,
  CoreV1Api,
  PatchStrategy,
  setHeaderOptions,
  type KubeConfig,
  type V1Pod
} from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { isTransient, statusOf, errorMessage } from '../launchers/kubernetes/api/api-errors.js';
import { unrequestedMiB } from '../launchers/kubernetes/capacity/node-capacity.js';
import type { Notebooks } from '../launchers/kubernetes/kubernetes-config.js';
import { KeyedMutex } from '../keyed-mutex.js';
import { apiClient } from '../launchers/kubernetes/api/api-client.js';
import type { KilledPod, NotebookMemories } from './notebook-memories.js';
import {
  blockedReason,
  killedLately,
  notANotebook,
  podMemory,
  raisePatch,
  withdrawPatch,
  type PodMemory
} from './notebook-pod.js';
import { problems } from './notebook-messages.js';
import { PodProofs } from './pod-proof.js';

/** A kubelet raises a limit within a second; a busy one takes longer, ms. */
const IN_FORCE_MS = 30_000;
const LOOK_MS = 250;
/** If a resize is deferred for this long, the request is answered rather than kept open, ms. */
const DEFERRED_MS = 3_000;
/** A Jupyter Server measures its memory every five seconds. */
const READING_MS = 30_000;
const FORBIDDEN = 403;
const NOT_FOUND = 404;

interface Reading extends NotebookReading {
  at: number;
}

/** Notebooks in pods that something else created, for example JupyterHub's KubeSpawner. Only their last readings are kept. */
export class NotebookPods implements NotebookMemories {
  private readonly core: CoreV1Api;
  private readonly proofs: PodProofs;
  private readonly mutex = new KeyedMutex();
  /** By UID of the pod. */
  private readonly readings = new Map<string, Reading>();

  constructor(
    kubeConfig: KubeConfig,
    private readonly notebooks: Notebooks,
    private readonly log: Logger
  ) {
    this.core = apiClient(kubeConfig, CoreV1Api);
    const authentication = apiClient(kubeConfig, AuthenticationV1Api);
    const { audience } = notebooks;
    this.proofs = new PodProofs(async token => {
      const body = { spec: { token, audiences: [audience] } };
      return (await authentication.createTokenReview({ body })).status ?? {};
    }, audience);
  }

  async of(token: string): Promise<NotebookMemory> {
    return answered(async () => this.view(await this.pod(token)));
  }

  async note(token: string, reading: NotebookReading): Promise<void> {
    const pod = await answered(() => this.pod(token));
    const now = performance.now();
    for (const [uid, { at }] of this.readings) {
      if (now - at > READING_MS) this.readings.delete(uid);
    }
    this.readings.set(pod.metadata!.uid!, { ...reading, at: now });
  }

  async killedLately(token: string): Promise<KilledPod | null> {
    try {
      return killedLately(await this.pod(token), this.notebooks.container, Date.now());
    } catch (error) {
      this.log.debug({ err: error }, 'a pod of notebooks cannot be read');
      return null;
    }
  }

  async raise(token: string, memoryMiB: number): Promise<NotebookMemory> {
    return answered(() => this.raiseExclusively(token, memoryMiB));
  }

  private async raiseExclusively(token: string, memoryMiB: number): Promise<NotebookMemory> {
    const { uid } = (await this.pod(token)).metadata!;
    return this.mutex.runExclusive(uid!, async () => {
      // Another request may have changed it meanwhile.
      const pod = await this.pod(token);
      const before = this.memory(pod);
      const { container, maxMiB } = this.notebooks;
      const blocked = blockedReason(pod, container, before.limitMiB);
      if (blocked !== null || before.limitMiB === null) throw problems.blocked(blocked ?? '');
      const limitMiB = before.limitMiB;
      if (memoryMiB < Math.floor(limitMiB)) throw problems.onlyMore(limitMiB);
      if (memoryMiB <= Math.ceil(limitMiB)) {
        if (before.pendingMiB !== null)
          await this.patch(pod, withdrawPatch(pod, container, before));
        return this.view(await this.pod(token));
      }
      if (memoryMiB > maxMiB) throw problems.tooMuch(maxMiB);
      await this.checkNodeCapacity(pod, before, memoryMiB);
      await this.patch(pod, raisePatch(pod, container, memoryMiB));
      return this.follow(token, before);
    });
  }

  /** Until it is in effect, or will not be soon. */
  private async follow(token: string, before: PodMemory): Promise<NotebookMemory> {
    const deadline = performance.now() + IN_FORCE_MS;
    let deferredSince: number | null = null;
    for (;;) {
      const pod = await this.pod(token);
      const memory = this.memory(pod);
      if (memory.state === null) return this.view(pod);
      if (memory.state === 'infeasible') {
        // A pending request that can never be fulfilled would reserve capacity in the scheduler.
        const { container } = this.notebooks;
        const back = this.patch(pod, withdrawPatch(pod, container, before));
        await back.catch((error: unknown) =>
          this.log.warn({ pod: pod.metadata?.name, err: error }, 'a memory limit was not reset')
        );
        throw problems.infeasible(memory.words);
      }
      const now = performance.now();
      deferredSince = memory.state === 'deferred' ? (deferredSince ?? now) : null;
      const isDeferred = deferredSince !== null && now - deferredSince > DEFERRED_MS;
      if (isDeferred || now > deadline) throw problems.notYet(memory);
      await sleep(LOOK_MS);
    }
  }

  /** A refusal here leaves nothing pending; where nodes may not be read, the kubelet decides. */
  private async checkNodeCapacity(pod: V1Pod, before: PodMemory, memoryMiB: number): Promise<void> {
    const free = await this.freeOn(pod.spec?.nodeName ?? '');
    const needs = memoryMiB - before.requestMiB;
    if (free === null || needs <= free) return;
    const fits = Math.floor(before.requestMiB + free);
    throw problems.noCapacity(needs, free, fits > before.limitMiB! ? fits : null);
  }

  private async freeOn(name: string): Promise<number | null> {
    try {
      const [nodes, pods] = await Promise.all([
        this.core.listNode({ fieldSelector: `metadata.name=${name}` }),
        this.core.listPodForAllNamespaces({
          fieldSelector: `spec.nodeName=${name},status.phase!=Succeeded,status.phase!=Failed`
        })
      ]);
      return nodes.items[0] ? unrequestedMiB(nodes.items[0], pods.items) : null;
    } catch (error) {
      if (statusOf(error) !== FORBIDDEN) throw error;
      this.log.debug({ node: name }, 'the node of a notebook may not be read');
      return null;
    }
  }

  private async patch(pod: V1Pod, body: object): Promise<void> {
    const { name = '', namespace = '' } = pod.metadata ?? {};
    try {
      await this.core.patchNamespacedPodResize(
        { namespace, name, body },
        setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch)
      );
    } catch (error) {
      const status = statusOf(error);
      if (status === NOT_FOUND) throw problems.unsupported();
      // It is unknown whether it was accepted.
      if (status === null || isTransient(error)) throw error;
      throw problems.refused(errorMessage(error));
    }
  }

  private memory(pod: V1Pod): PodMemory {
    return podMemory(pod, this.notebooks.container);
  }

  /** The current pod of a token. */
  private async pod(token: string): Promise<V1Pod> {
    if (!token) throw problems.noProof();
    const proven = await this.proofs.podOf(token).catch((error: unknown) => {
      throw statusOf(error) === FORBIDDEN ? problems.mayNotReview(errorMessage(error)) : error;
    });
    if (!proven) throw problems.wrongProof();
    const { namespace, name } = proven;
    const where = `${namespace}/${name}`;
    // Before the request: other namespaces are out of scope.
    if (namespace !== this.notebooks.namespace) {
      const why = `notebooks are in the namespace "${this.notebooks.namespace}"`;
      throw problems.notANotebook(where, why);
    }
    const pod = await this.core.readNamespacedPod({ namespace, name }).catch((error: unknown) => {
      const status = statusOf(error);
      if (status === NOT_FOUND) throw problems.wrongProof();
      throw status === FORBIDDEN ? problems.mayNotReview(errorMessage(error)) : error;
    });
    const why = notANotebook(pod, proven, this.notebooks);
    if (why !== null) throw problems.notANotebook(where, why);
    return pod;
  }

  private view(pod: V1Pod): NotebookMemory {
    const { uid, namespace, name } = pod.metadata!;
    const { limitMiB, pendingMiB, state, words } = this.memory(pod);
    const known = this.readings.get(uid!);
    const reading = known && performance.now() - known.at <= READING_MS ? known : null;
    return {
      pod: `${namespace}/${name}`,
      limitMiB,
      usedMiB: reading?.usedMiB ?? null,
      oomKills: reading?.oomKills ?? null,
      maxMiB: this.notebooks.maxMiB,
      pendingMiB,
      waitingFor: state === null ? null : (words ?? 'its node'),
      blockedReason: blockedReason(pod, this.notebooks.container, limitMiB)
    };
  }
}

/** An API server that does not respond is not an internal error. */
async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isTransient(error) ? problems.unreachable(errorMessage(error)) : error;
  }
}
