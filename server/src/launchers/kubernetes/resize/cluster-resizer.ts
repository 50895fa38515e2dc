import { setTimeout as sleep } from 'node:timers/promises';
import { canResizeInPlace, sameExecutors, type ResizeInPlace, type Shape } from '@aglais/protocol';
import type { V1Pod } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { ResizeIncomplete, ResizeRefused, type Resized } from '../../launcher.js';
import { errorMessage } from '../api/api-errors.js';
import type { ClusterApi } from '../api/cluster-api.js';
import type { ClusterObjects, ObjectCache } from '../api/object-cache.js';
import { repeatedly } from '../api/repeat.js';
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
import { refusalOf } from './resize-refusal.js';
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
  /** The result of `shortfall` for a cluster may have changed. */
  onShortfall: (cluster: string) => void;
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
      const raised = await this.accepted(id, objects, before, shape, another ? count : null);
      await this.limits.inForce(id, raised, shape);
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

  /**
   * Has Kubernetes accept the new limits and the annotation with the shape.
   * @param count gets the number of executors of `before` again on failure; null: the number did not change
   * @returns executors that get another limit
   * @throws ResizeRefused after everything was rolled back
   */
  private async accepted(
    id: string,
    objects: ClusterObjects,
    before: Shape,
    shape: Shape,
    count: ExecutorCount | null
  ): Promise<V1Pod[]> {
    const { world, calls, log } = this.parts;
    const note = (noted: Shape) => repeatedly(() => calls.noteShape(id, objects.namespace, noted));
    let isNoted = false;
    try {
      const raised = await this.limits.requestAll(objects, shape);
      // The next sweep finds executors below their limit that are created before the annotation.
      isNoted = true;
      await note(shape);
      return raised;
    } catch (error) {
      const undone = [
        // Without a response it is not known whether the annotation was written.
        ...(isNoted ? [note(before)] : []),
        ...(count ? [count.ask(before.executors)] : []),
        this.limits.rollBack(world.of(id) ?? objects, before)
      ];
      for (const step of await Promise.allSettled(undone))
        if (step.status === 'rejected')
          log.warn(
            { cluster: id, problem: errorMessage(step.reason) },
            'a refused resize was not rolled back completely'
          );
      throw refusalOf(error);
    }
  }

  /** Why later executors have less memory than the others, for people; null: they do not. */
  shortfall(objects: ClusterObjects): string | null {
    return this.limits.shortfall(objects);
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
