import { setTimeout as sleep } from 'node:timers/promises';
import { executorLimitMiB, type Shape } from '@aglais/protocol';
import type { V1Pod } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { backOffAfter } from '../../../back-off.js';
import { ResizeIncomplete } from '../../launcher.js';
import { errorMessage, isTransient, statusOf } from '../api/api-errors.js';
import type { ClusterApi } from '../api/cluster-api.js';
import type { ClusterObjects, ObjectCache } from '../api/object-cache.js';
import { shapeOf } from '../objects/shape-annotation.js';
import { belowLimit, resizeProgress } from './memory-limit.js';

/** A kubelet raises a limit within a second; one that is busy or short of memory takes longer, ms. */
const IN_FORCE_MS = 30_000;
/** Number of attempts for a request that the API server could not handle, before it counts as refused. */
const ATTEMPTS = 4;
const NOT_FOUND = 404;

/** The last request for a pod. */
interface Requested {
  memoryMiB: number;
  /** The API server refused it permanently: it is not requested again. */
  isRefused: boolean;
  failures: number;
  /** By `performance.now()`. */
  retryAt: number;
}

export interface ExecutorLimitsParts {
  world: ObjectCache;
  calls: ClusterApi;
  log: Logger;
}

/** Memory limits of live executors, resized in place. */
export class ExecutorLimits {
  /** By UID of an existing pod. */
  private readonly requested = new Map<string, Requested>();

  constructor(private readonly parts: ExecutorLimitsParts) {}

  /**
   * Raises all executors of a cluster to the limit of its shape, and waits until it is in effect.
   * @throws ResizeIncomplete if a node does not complete it, otherwise the refusal of the API server
   */
  async raiseAll(id: string, objects: ClusterObjects, shape: Shape): Promise<void> {
    const { world } = this.parts;
    const memoryMiB = executorLimitMiB(shape);
    const raised = belowLimit(objects.executors, shape);
    await Promise.all(raised.map(pod => this.request(pod, memoryMiB)));
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

  /** Restores the old shape of the cluster, and the old limit of executors that were already raised. */
  async rollBack(id: string, { namespace }: ClusterObjects, before: Shape): Promise<void> {
    const { world, calls, log } = this.parts;
    const memoryMiB = executorLimitMiB(before);
    await calls.noteShape(id, namespace, before);
    const executors = world.of(id)?.executors ?? [];
    const touched = executors.filter(({ metadata }) => this.requested.has(metadata?.uid ?? ''));
    await Promise.all(
      touched.map(async ({ metadata }) => {
        const { uid, name } = metadata!;
        const { isRefused } = this.requested.get(uid!)!;
        this.requested.delete(uid!);
        if (isRefused) return;
        await calls.resizeMemory(namespace, name!, memoryMiB).catch((error: unknown) => {
          if (statusOf(error) !== NOT_FOUND)
            log.warn({ pod: name, problem: errorMessage(error) }, 'a raised limit was not lowered');
        });
      })
    );
  }

  /** Executors that Spark created since get the limit of the others; a refused request is not repeated. */
  sweep(hasValidLease: (id: string) => boolean): void {
    const { world, log } = this.parts;
    const existing = new Set<string>();
    for (const id of world.ids()) {
      const objects = world.of(id);
      for (const { metadata } of objects?.executors ?? []) existing.add(metadata?.uid ?? '');
      if (!objects?.driver || !hasValidLease(id)) continue;
      const shape = shapeOf(objects.driver);
      for (const pod of belowLimit(objects.executors, shape)) {
        this.requestOnce(pod, executorLimitMiB(shape)).catch((error: unknown) =>
          log.warn(
            { pod: pod.metadata?.name, problem: errorMessage(error) },
            'an executor keeps its lower limit'
          )
        );
      }
    }
    for (const uid of this.requested.keys()) if (!existing.has(uid)) this.requested.delete(uid);
  }

  /** Until the API server accepts or refuses it. */
  private async request(pod: V1Pod, memoryMiB: number): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.requestOnce(pod, memoryMiB, true);
      } catch (error) {
        if (!isTransient(error) || attempt === ATTEMPTS) throw error;
        await sleep(backOffAfter(error, attempt, Math.random()));
      }
    }
  }

  private async requestOnce({ metadata }: V1Pod, memoryMiB: number, atOnce = false): Promise<void> {
    const { uid, name, namespace } = metadata!;
    const known = this.requested.get(uid!);
    const isSame = known?.memoryMiB === memoryMiB;
    if (isSame && known.failures === 0) return;
    if (isSame && !atOnce && (known.isRefused || performance.now() < known.retryAt)) return;
    const failures = isSame ? known.failures : 0;
    this.requested.set(uid!, { memoryMiB, isRefused: false, failures: 0, retryAt: 0 });
    try {
      await this.parts.calls.resizeMemory(namespace!, name!, memoryMiB);
    } catch (error) {
      // It ended meanwhile.
      if (statusOf(error) === NOT_FOUND) return void this.requested.delete(uid!);
      const waitMs = backOffAfter(error, failures + 1, Math.random());
      this.requested.set(uid!, {
        memoryMiB,
        isRefused: !isTransient(error),
        failures: failures + 1,
        retryAt: performance.now() + waitMs
      });
      throw error;
    }
  }
}
