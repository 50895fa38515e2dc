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

/** Executors come within seconds where there is a place for them. */
const COUNT_MS = 30_000;
const COUNT_STEP_MS = 250;
/** Without a place for so long, or at work for so long: the request is answered rather than kept waiting. */
const HELD_UP_MS = 3_000;

export interface ClusterResizerParts {
  world: ObjectCache;
  calls: ClusterApi;
  log: Logger;
  /** What `shortfall` says of a cluster may have changed. */
  onShortfall: (cluster: string) => void;
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
   * Kubernetes has accepted the limits and the note of the shape when this resolves.
   * @param count told the number of executors of `before` again if not; null: it was told none
   * @returns executors that get another limit
   * @throws ResizeRefused when everything is as it was
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
      // Executors that are made before it is noted are found below their limit by the next sweep.
      isNoted = true;
      await note(shape);
      return raised;
    } catch (error) {
      const undone = [
        // Without an answer nobody knows whether it was noted.
        ...(isNoted ? [note(before)] : []),
        ...(count ? [count.ask(before.executors)] : []),
        this.limits.rollBack(world.of(id) ?? objects, before)
      ];
      for (const step of await Promise.allSettled(undone))
        if (step.status === 'rejected')
          log.warn(
            { cluster: id, problem: errorMessage(step.reason) },
            'a refused size was not taken back completely'
          );
      throw refusalOf(error);
    }
  }

  /** Of executors that came later: why they keep less memory than the others, in sentences; null: they do not. */
  shortfall(objects: ClusterObjects): string | null {
    return this.limits.shortfall(objects);
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
