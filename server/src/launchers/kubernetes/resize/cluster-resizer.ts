import { setTimeout as sleep } from 'node:timers/promises';
import { canResizeInPlace, sameExecutors, type ResizeInPlace, type Shape } from '@aglais/protocol';
import type { Logger } from 'pino';
import { ResizeIncomplete, ResizeRefused, type Resized } from '../../launcher.js';
import { errorMessage } from '../api/api-errors.js';
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
import { shapeOf } from '../objects/shape-annotation.js';
import { ExecutorLimits } from './executor-limits.js';
import type { Waiting } from '../waiting.js';

/** Executors come within seconds where there is a place for them. */
const COUNT_MS = 30_000;
const COUNT_STEP_MS = 250;
/** Without a place for so long, or at work for so long: the request is answered rather than kept waiting. */
const HELD_UP_MS = 3_000;

export interface ClusterResizerParts {
  world: ObjectCache;
  calls: ClusterApi;
  log: Logger;
  /** How the witness of a running driver is reached; null: it is not. */
  witness(id: string): Promise<Witness | null>;
  /** What executors of the cluster wait for. */
  waiting(id: string, objects: ClusterObjects): Promise<Waiting | null>;
}

/** Kubernetes' resize can lower a limit too, but ends what uses more. */
export const RESIZE_IN_PLACE: ResizeInPlace = {
  raiseMemory: true,
  lowerMemory: false,
  executors: true
};

/** Number and limits of live executors that follow the shape of their cluster. */
export class ClusterResizer {
  private readonly limits: ExecutorLimits;

  constructor(private readonly parts: ClusterResizerParts) {
    this.limits = new ExecutorLimits(parts);
  }

  /**
   * Gives a running cluster another shape if that can be done in place, and returns when it is in force.
   * @throws ResizeRefused if Kubernetes does not accept it; everything is as it was then
   * @throws ResizeIncomplete if a node or Spark does not follow; what was not done is tried again where it can be
   */
  async resize(id: string, shape: Shape): Promise<Resized> {
    const { world, calls } = this.parts;
    const objects = world.of(id);
    if (!objects?.driver) throw new ResizeRefused('There is no Spark to resize.');
    const before = shapeOf(objects.driver);
    if (!canResizeInPlace(before, shape, RESIZE_IN_PLACE)) return 'restart-needed';
    const witness = await this.parts.witness(id);
    const count = witness && new ExecutorCount(witness);
    try {
      const another = !sameExecutors(before, shape);
      // Saved only afterwards: who is interrupted here finds that it has to be requested.
      if (another && !(await count?.ask(shape.executors))) return 'restart-needed';
      try {
        // Before the limits: an executor that is made meanwhile is found below its limit by the next sweep.
        await calls.noteShape(id, objects.namespace, shape);
        await this.limits.raiseAll(id, objects, shape);
      } catch (error) {
        if (error instanceof ResizeIncomplete) throw error;
        if (another) await count?.ask(before.executors);
        await this.limits.rollBack(id, objects, before);
        throw new ResizeRefused(
          `Kubernetes does not accept this size: ${errorMessage(error)}. Nothing was changed, and it is not tried again. ` +
            'Ask for a smaller size, or ask the administrators about quotas and limits of the namespace.',
          { cause: error }
        );
      }
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

  /** Executors that Spark made since get the limit of the others. */
  sweep(hasValidLease: (id: string) => boolean): void {
    this.limits.sweep(hasValidLease);
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
}
