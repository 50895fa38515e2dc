import { larger } from '../eventlog/task-metrics.js';
import { quantityMiB } from '../evidence/kubernetes-pods.js';
import type { PodEventObservation } from '../observation.js';

/** The message of the kubelet's `ResizeCompleted` event (Kubernetes 1.35) has the new resources as JSON. */
const NEW_LIMIT = /"limits":\{[^}]*"memory":"([^"]+)"/;
/** The kubelet's timestamps have a resolution of one second: a limit certainly applies only this much later, ms. */
const WHOLE_SECOND_MS = 1_000;

/** The memory limit of a pod's main container, which can be moved while it runs; MiB. */
export class PodMemoryLimits {
  #first: { version: number; limitMiB: number } | null = null;
  #newest: { version: number; limitMiB: number } | null = null;
  readonly #resized = new Map<number, number>();

  observe(version: number, limitMiB: number | null): void {
    if (limitMiB === null) return;
    if (version < (this.#first?.version ?? Infinity)) this.#first = { version, limitMiB };
    if (version >= (this.#newest?.version ?? 0)) this.#newest = { version, limitMiB };
  }

  observeEvent({ reason, message, at }: PodEventObservation): void {
    if (reason !== 'ResizeCompleted' || at === null) return;
    const limitMiB = quantityMiB(NEW_LIMIT.exec(message)?.[1] ?? null);
    // The order of two resizes within one second is unknown: use the larger limit.
    if (limitMiB !== null) this.#resized.set(at, larger(this.#resized.get(at) ?? null, limitMiB)!);
  }

  /** The limit at a time, MiB; the latest if the time is unknown. Null without a limit. */
  at(time: number | null): number | null {
    if (time === null || this.#resized.size === 0) return this.#newest?.limitMiB ?? null;
    const before = [...this.#resized.keys()].filter(at => at + WHOLE_SECOND_MS <= time);
    if (before.length === 0) return this.#first?.limitMiB ?? null;
    return this.#resized.get(Math.max(...before))!;
  }
}
