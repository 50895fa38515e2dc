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

/** Executors start within seconds if they can be scheduled. */
const COUNT_MS = 30_000;
const COUNT_STEP_MS = 250;
/**
 * If they cannot be scheduled for this long, or keep running tasks for this long, the request is answered rather than
 * kept open.
 */
const HELD_UP_MS = 3_000;

export interface ClusterResizerParts {
  world: ObjectCache;
  calls: ClusterApi;
  log: Logger;
  /** How to reach the witness of a running driver; null: it is not running. */
  witness(id: string): Promise<Witness | null>;
  /** Why executors of the cluster are pending. */
  waiting(id: string, objects: ClusterObjects): Promise<Waiting | null>;
}

/** A resize in Kubernetes can lower a limit, too, but kills what uses more. */
export const RESIZE_IN_PLACE: ResizeInPlace = {
  raiseMemory: true,
  lowerMemory: false,
  executors: true
};

/** Adjusts the number and the limits of live executors to the shape of their cluster. */
export class ClusterResizer {
  private readonly limits: ExecutorLimits;

  constructor(private readonly parts: ClusterResizerParts) {
    this.limits = new ExecutorLimits(parts);
  }

  /**
   * Resizes a running cluster if that can be done in place, and resolves when it is in effect.
   * @throws ResizeRefused if Kubernetes does not accept it; then nothing has changed
   * @throws ResizeIncomplete if a node or Spark does not complete it; what is missing is retried where possible
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
      // Saved last: after an interruption it has to be requested again.
      if (another && !(await count?.ask(shape.executors))) return 'restart-needed';
      try {
        // Before the limits: the next sweep finds executors that are created meanwhile below their limit.
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

  /** Executors that Spark created since get the limit of the others. */
  sweep(hasValidLease: (id: string) => boolean): void {
    this.limits.sweep(hasValidLease);
  }

  /** Waits until the desired number of executors is reached; called a second time, it only checks. */
  private async counted(
    id: string,
    count: ExecutorCount,
    executors: Shape['executors'],
    another: boolean
  ): Promise<CountState | null> {
    const deadline = Date.now() + (another ? COUNT_MS : 0);
    let heldUpSince: number | null = null;
    for (;;) {
      // An unreachable driver counts as not responding.
      const state = await count.state().catch(() => null);
      // No other number was ever requested, or the driver cannot be reached.
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
