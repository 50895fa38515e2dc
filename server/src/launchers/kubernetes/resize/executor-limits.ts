import { executorLimitMiB, type Shape } from '@aglais/protocol';
import type { V1Pod } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { backOffAfter } from '../../../back-off.js';
import { ResizeIncomplete } from '../../launcher.js';
import { errorMessage, isTransient, statusOf } from '../api/api-errors.js';
import type { ClusterApi } from '../api/cluster-api.js';
import type { ClusterObjects, ObjectCache } from '../api/object-cache.js';
import { repeatedly } from '../api/repeat.js';
import { shapeOf } from '../objects/shape-annotation.js';
import { belowLimit, resizeProgress } from './memory-limit.js';
import { adviceAgainst } from './resize-refusal.js';

/** A kubelet raises a limit within a second; one that is busy or short of memory takes longer, ms. */
const IN_FORCE_MS = 30_000;
/** A later executor keeps its limit after so many failures in a row: about two minutes, with the pauses between them. */
const MAX_FAILURES = 10;
const NOT_FOUND = 404;

/** The last request for a pod. */
interface Requested {
  memoryMiB: number;
  /** Why the API server refused it permanently: it is not requested again. */
  refusal: string | null;
  failures: number;
  /** By `performance.now()`. */
  retryAt: number;
}

export interface ExecutorLimitsParts {
  world: ObjectCache;
  calls: ClusterApi;
  log: Logger;
  /** The result of `shortfall` for a cluster may have changed. */
  onShortfall: (cluster: string) => void;
}

/** Memory limits of live executors, resized in place. */
export class ExecutorLimits {
  /** By UID of an existing pod. */
  private readonly requested = new Map<string, Requested>();

  constructor(private readonly parts: ExecutorLimitsParts) {}

  /**
   * Requests the limit of a shape for all executors of a cluster that have less.
   * @returns those executors
   * @throws the refusal of the API server, after all requests have completed
   */
  async requestAll({ executors }: ClusterObjects, shape: Shape): Promise<V1Pod[]> {
    const raised = belowLimit(executors, shape);
    const memoryMiB = executorLimitMiB(shape);
    const requests = await Promise.allSettled(
      raised.map(pod => repeatedly(() => this.request(pod, memoryMiB)))
    );
    const refused = requests.find(({ status }) => status === 'rejected');
    if (refused) throw (refused as PromiseRejectedResult).reason;
    return raised;
  }

  /**
   * Waits until the limit is in force that was requested for these executors.
   * @throws ResizeIncomplete if a node does not follow
   */
  async inForce(id: string, raised: readonly V1Pod[], shape: Shape): Promise<void> {
    const { world } = this.parts;
    const memoryMiB = executorLimitMiB(shape);
    const progress = () =>
      (world.of(id)?.executors ?? [])
        .filter(({ metadata }) => raised.some(one => one.metadata?.uid === metadata?.uid))
        .filter(({ status }) => status?.phase === 'Running')
        .map(pod => ({ name: pod.metadata!.name!, ...resizeProgress(pod, memoryMiB) }));
    const settled = () => progress().every(({ state }) => state !== 'under-way');
    await world.until(settled, IN_FORCE_MS);
    const behind = progress().filter(({ state }) => state !== 'in-force');
    if (behind.length === 0) return;
    const reasons = behind.map(
      one => `${one.name}: ${'words' in one ? one.words : 'not yet in force'}`
    );
    throw new ResizeIncomplete(
      `${raised.length - behind.length} of ${raised.length} executors have their new limit. ` +
        `The others keep the old one for now (${reasons.join('; ')}). ` +
        'Kubernetes keeps trying where its node may get memory; restart Spark with the new size to be placed elsewhere.'
    );
  }

  /** Restores the limit of this shape for executors for which more was requested and not refused. Never rejects. */
  async rollBack({ namespace, executors }: ClusterObjects, before: Shape): Promise<void> {
    const { calls, log } = this.parts;
    const memoryMiB = executorLimitMiB(before);
    await Promise.all(
      executors.map(async ({ metadata }) => {
        const { uid, name } = metadata!;
        const known = this.requested.get(uid!);
        this.requested.delete(uid!);
        if (!known || known.refusal !== null || known.memoryMiB <= memoryMiB) return;
        const lower = () => calls.resizeMemory(namespace, name!, memoryMiB);
        await repeatedly(lower).catch((error: unknown) => {
          if (statusOf(error) !== NOT_FOUND)
            log.warn({ pod: name, problem: errorMessage(error) }, 'a raised limit was not lowered');
        });
      })
    );
  }

  /** Executors that Spark created since get the limit of the others; a refused request is not repeated. */
  sweep(hasValidLease: (id: string) => boolean): void {
    const { world, log, onShortfall } = this.parts;
    const existing = new Set<string>();
    for (const id of world.ids()) {
      const objects = world.of(id);
      for (const { metadata } of objects?.executors ?? []) existing.add(metadata?.uid ?? '');
      if (!objects?.driver || !hasValidLease(id)) continue;
      const memoryMiB = executorLimitMiB(shapeOf(objects.driver));
      for (const pod of belowLimit(objects.executors, shapeOf(objects.driver))) {
        if (!this.isDue(pod, memoryMiB)) continue;
        this.request(pod, memoryMiB).catch((error: unknown) => {
          const problem = errorMessage(error);
          log.warn({ pod: pod.metadata?.name, problem }, 'an executor keeps its lower limit');
          onShortfall(id);
        });
      }
    }
    for (const uid of this.requested.keys()) if (!existing.has(uid)) this.requested.delete(uid);
  }

  /** Which executors permanently have less memory than the others, and why, for people; null: none. */
  shortfall({ executors }: ClusterObjects): string | null {
    const refusals = executors.flatMap(
      ({ metadata }) => this.requested.get(metadata?.uid ?? '')?.refusal ?? []
    );
    if (refusals.length === 0) return null;
    return (
      `${refusals.length} of ${executors.length} executors came later and have less memory than the others: Kubernetes does ` +
      `not accept the size of this Spark for them any more (${refusals[0]!.replace(/\.$/, '')}). It is not tried again. ` +
      adviceAgainst(refusals[0]!)
    );
  }

  /** Whether the sweep requests it now: it has not been, or it failed and was waited for. */
  private isDue({ metadata }: V1Pod, memoryMiB: number): boolean {
    const known = this.requested.get(metadata!.uid!);
    if (known?.memoryMiB !== memoryMiB) return true;
    return known.failures > 0 && known.refusal === null && performance.now() >= known.retryAt;
  }

  /** One request, unless the same one was granted or is pending. */
  private async request({ metadata }: V1Pod, memoryMiB: number): Promise<void> {
    const { uid, name, namespace } = metadata!;
    const known = this.requested.get(uid!);
    const isSame = known?.memoryMiB === memoryMiB;
    if (isSame && known.failures === 0) return;
    const failures = isSame ? known.failures : 0;
    this.requested.set(uid!, { memoryMiB, refusal: null, failures: 0, retryAt: 0 });
    try {
      await this.parts.calls.resizeMemory(namespace!, name!, memoryMiB);
    } catch (error) {
      // It ended meanwhile.
      if (statusOf(error) === NOT_FOUND) return void this.requested.delete(uid!);
      const waitMs = backOffAfter(error, failures + 1, Math.random());
      const isFinal = !isTransient(error) || failures + 1 >= MAX_FAILURES;
      this.requested.set(uid!, {
        memoryMiB,
        refusal: isFinal ? errorMessage(error) : null,
        failures: failures + 1,
        retryAt: performance.now() + waitMs
      });
      throw error;
    }
  }
}
