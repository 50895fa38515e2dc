import { executorLimitMiB, Shape } from '@aglais/protocol';
import type { V1Pod } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { statusOf, wordsOf } from './api-calls.js';
import type { ClusterCalls } from './cluster-calls.js';
import type { ClusterWorld } from './cluster-world.js';
import { SHAPE_ANNOTATION } from './names.js';
import { resizeKind, resizeProgress, tooSmall } from './resize.js';

/** A kubelet raises a limit within a second; one that is busy or short of memory takes longer, ms. */
const IN_FORCE_MS = 30_000;
const NOT_FOUND = 404;

/** Limits of live executors that follow the shape of their cluster. */
export class Resizing {
  /** By UID of a pod: what was asked for last, MiB. */
  private readonly asked = new Map<string, number>();

  constructor(
    private readonly world: ClusterWorld,
    private readonly calls: ClusterCalls,
    private readonly log: Logger
  ) {}

  /**
   * Gives a running cluster another shape if that can be done in place, and returns when it is in force.
   * @throws an error in plain words if a node does not follow; what it did not do, it tries again if it can
   */
  async resize(id: string, shape: Shape): Promise<'live' | 'restart-needed'> {
    const objects = this.world.of(id);
    if (!objects?.driver) throw new Error('There is no Spark to resize.');
    if (resizeKind(shapeOf(objects.driver), shape) === 'restart-needed') return 'restart-needed';
    // Before the executors: one that is made meanwhile is found too small by the next sweep.
    await this.calls.noteShape(id, objects.namespace, shape);
    const memoryMiB = executorLimitMiB(shape);
    const raised = tooSmall(objects.executors, shape);
    await Promise.all(raised.map(pod => this.raise(pod, memoryMiB)));
    const progress = () =>
      (this.world.of(id)?.executors ?? [])
        .filter(({ metadata }) => raised.some(one => one.metadata?.uid === metadata?.uid))
        .filter(({ status }) => status?.phase === 'Running')
        .map(pod => ({ name: pod.metadata!.name!, ...resizeProgress(pod, memoryMiB) }));
    const settled = () => progress().every(({ state }) => state !== 'under-way');
    await this.world.until(settled, IN_FORCE_MS);
    const behind = progress().filter(({ state }) => state !== 'in-force');
    if (behind.length === 0) return 'live';
    const words = behind.map(
      one => `${one.name}: ${'words' in one ? one.words : 'not yet in force'}`
    );
    throw new Error(
      `${raised.length - behind.length} of ${raised.length} executors have their new limit. ` +
        `The others keep the old one for now (${words.join('; ')}). ` +
        'Kubernetes goes on trying where its node may get room; restart Spark with the new size to be placed elsewhere.'
    );
  }

  /** Executors that Spark made since get the limit of the others. */
  sweep(): void {
    for (const id of this.world.ids()) {
      const objects = this.world.of(id);
      if (!objects?.driver) continue;
      const shape = shapeOf(objects.driver);
      for (const pod of tooSmall(objects.executors, shape)) {
        this.raise(pod, executorLimitMiB(shape)).catch((error: unknown) =>
          this.log.warn({ pod: pod.metadata?.name, problem: wordsOf(error) }, 'a limit stays')
        );
      }
    }
  }

  private async raise({ metadata }: V1Pod, memoryMiB: number): Promise<void> {
    const { uid, name, namespace } = metadata!;
    if (this.asked.get(uid!) === memoryMiB) return;
    this.asked.set(uid!, memoryMiB);
    try {
      await this.calls.resizeMemory(namespace!, name!, memoryMiB);
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
