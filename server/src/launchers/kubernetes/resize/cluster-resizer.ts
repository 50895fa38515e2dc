import { setTimeout as sleep } from 'node:timers/promises';
import { executorLimitMiB, sameExecutors, Shape, canResizeInPlace } from '@aglais/protocol';
import type { V1Pod } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { ResizeIncomplete, ResizeRefused, type Resized } from '../../launcher.js';
import { statusOf, errorMessage } from '../api/api-errors.js';
import type { ClusterApi } from '../api/cluster-api.js';
import type { ClusterObjects, ObjectCache } from '../api/object-cache.js';
import type { Witness } from '../evidence/witness-client.js';
import {
  scalingShortfall,
  lossOfScaling,
  ExecutorCount,
  desiredExecutors,
  isReached,
  type CountState
} from './executor-count.js';
import { SHAPE_ANNOTATION } from '../objects/names.js';
import { resizeProgress, belowLimit } from './memory-limit.js';
import type { Waiting } from '../waiting.js';

/** A kubelet raises a limit within a second; one that is busy or short of memory takes longer, ms. */
const IN_FORCE_MS = 30_000;
/** Executors come within seconds where there is a place for them. */
const COUNT_MS = 30_000;
const COUNT_STEP_MS = 250;
/** Without a place for so long, or at work for so long: whoever asked is told rather than kept waiting. */
const HELD_UP_MS = 3_000;
const NOT_FOUND = 404;

export interface ClusterResizerParts {
  world: ObjectCache;
  calls: ClusterApi;
  log: Logger;
  /** How the witness of a running driver is reached; null: it is not. */
  witness(id: string): Promise<Witness | null>;
  /** What executors of the cluster wait for. */
  waiting(id: string, objects: ClusterObjects): Promise<Waiting | null>;
}

/** Number and limits of live executors that follow the shape of their cluster. */
export class ClusterResizer {
  /** By UID of a pod: what was asked for last, MiB. */
  private readonly asked = new Map<string, number>();

  constructor(private readonly parts: ClusterResizerParts) {}

  /**
   * Gives a running cluster another shape if that can be done in place, and returns when it is in force.
   * @throws ResizeIncomplete if a node or Spark does not follow; what was not done, is tried again where it can be
   */
  async resize(id: string, shape: Shape): Promise<Resized> {
    const { world, calls } = this.parts;
    const objects = world.of(id);
    if (!objects?.driver) throw new ResizeRefused('There is no Spark to resize.');
    const before = shapeOf(objects.driver);
    if (!canResizeInPlace(before, shape, 'kubernetes')) return 'restart-needed';
    const witness = await this.parts.witness(id);
    const count = witness && new ExecutorCount(witness);
    try {
      const another = !sameExecutors(before, shape);
      // Noted only afterwards: who is interrupted here finds that it has to be asked for.
      if (another && !(await count?.ask(shape.executors))) return 'restart-needed';
      // Before the limits: an executor that is made meanwhile is found too small by the next sweep.
      await calls.noteShape(id, objects.namespace, shape);
      await this.raiseAll(id, objects, shape);
      const state = count && (await this.counted(id, count, shape.executors, another));
      if (state?.refused) {
        await calls.noteShape(id, objects.namespace, before);
        return 'restart-needed';
      }
      const lost = another && state ? lossOfScaling(state) : null;
      return lost === null ? 'live' : { lost };
    } finally {
      count?.close();
    }
  }

  /** Waits until as many executors are there as there shall be; asked for a second time, it only looks. */
  private async counted(
    id: string,
    count: ExecutorCount,
    executors: Shape['executors'],
    another: boolean
  ): Promise<CountState | null> {
    const deadline = Date.now() + (another ? COUNT_MS : 0);
    let heldUpSince: number | null = null;
    for (;;) {
      // One that cannot be reached now has not answered.
      const state = await count.state().catch(() => null);
      // Nobody ever asked for another number, or nobody can be asked.
      if (!state && !another) return null;
      if (state?.refused || isReached(state, executors)) return state;
      const objects = this.parts.world.of(id);
      const waiting = objects && (await this.parts.waiting(id, objects));
      const now = Date.now();
      const heard = state?.wanted === desiredExecutors(executors);
      const heldUp = heard && (waiting || state.registered > executors.max);
      heldUpSince = heldUp ? (heldUpSince ?? now) : null;
      if (now >= deadline || (heldUpSince !== null && now - heldUpSince > HELD_UP_MS)) {
        throw new ResizeIncomplete(scalingShortfall(state, executors, waiting)!);
      }
      await sleep(COUNT_STEP_MS);
    }
  }

  private async raiseAll(id: string, objects: ClusterObjects, shape: Shape): Promise<void> {
    const { world } = this.parts;
    const memoryMiB = executorLimitMiB(shape);
    const raised = belowLimit(objects.executors, shape);
    await Promise.all(raised.map(pod => this.raise(pod, memoryMiB)));
    const progress = () =>
      (world.of(id)?.executors ?? [])
        .filter(({ metadata }) => raised.some(one => one.metadata?.uid === metadata?.uid))
        .filter(({ status }) => status?.phase === 'Running')
        .map(pod => ({ name: pod.metadata!.name!, ...resizeProgress(pod, memoryMiB) }));
    const settled = () => progress().every(({ state }) => state !== 'under-way');
    await world.until(settled, IN_FORCE_MS);
    const behind = progress().filter(({ state }) => state !== 'in-force');
    if (behind.length === 0) return;
    const words = behind.map(
      one => `${one.name}: ${'words' in one ? one.words : 'not yet in force'}`
    );
    throw new ResizeIncomplete(
      `${raised.length - behind.length} of ${raised.length} executors have their new limit. ` +
        `The others keep the old one for now (${words.join('; ')}). ` +
        'Kubernetes goes on trying where its node may get capacity; restart Spark with the new size to be placed elsewhere.'
    );
  }

  /** Executors that Spark made since get the limit of the others. */
  sweep(hasValidLease: (id: string) => boolean): void {
    const { world, log } = this.parts;
    for (const id of world.ids().filter(hasValidLease)) {
      const objects = world.of(id);
      if (!objects?.driver) continue;
      const shape = shapeOf(objects.driver);
      for (const pod of belowLimit(objects.executors, shape)) {
        this.raise(pod, executorLimitMiB(shape)).catch((error: unknown) =>
          log.warn({ pod: pod.metadata?.name, problem: errorMessage(error) }, 'a limit stays')
        );
      }
    }
  }

  private async raise({ metadata }: V1Pod, memoryMiB: number): Promise<void> {
    const { uid, name, namespace } = metadata!;
    if (this.asked.get(uid!) === memoryMiB) return;
    this.asked.set(uid!, memoryMiB);
    try {
      await this.parts.calls.resizeMemory(namespace!, name!, memoryMiB);
    } catch (error) {
      this.asked.delete(uid!);
      // It ended meanwhile.
      if (statusOf(error) !== NOT_FOUND) throw error;
    }
  }
}

/** As it was asked for, first or last; the driver's pod says it. */
export function shapeOf({ metadata }: V1Pod): Shape {
  return Shape.parse(JSON.parse(metadata?.annotations?.[SHAPE_ANNOTATION] ?? '{}'));
}
