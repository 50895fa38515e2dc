import type { MemoryPoint } from '@aglais/protocol';
import { larger } from '../eventlog/task-metrics.js';

type Measures = Omit<MemoryPoint, 'at'>;

const POINTS = 120;
const FIRST_STEP_MS = 1000;

export const NO_MEASURES: Measures = {
  usedMiB: null,
  heapMiB: null,
  offHeapMiB: null,
  executionMiB: null,
  storageMiB: null,
  jvmMiB: null,
  pythonMiB: null,
  otherMiB: null,
  gcMs: null
};
const KEYS = Object.keys(NO_MEASURES) as (keyof Measures)[];

/** Field by field the maximum of the two. */
export function largerMeasures(a: Measures, b: Partial<Measures>): Measures {
  const largest = { ...a };
  for (const key of KEYS) largest[key] = larger(a[key], b[key] ?? null);
  return largest;
}

/**
 * Memory of a process over time: the maximum of each step. When there are too many steps, their length is doubled.
 * Steps start at multiples of their length since the epoch, so the order of measurements does not matter.
 */
export class MemorySeries {
  #steps = new Map<number, Measures>();
  #first = Infinity;
  #last = -Infinity;
  stepMs = FIRST_STEP_MS;

  add(at: number, measures: Partial<Measures>): void {
    if (!(at > 0) || !KEYS.some(key => typeof measures[key] === 'number')) return;
    this.#first = Math.min(this.#first, at);
    this.#last = Math.max(this.#last, at);
    while (this.#step(this.#last) - this.#step(this.#first) >= POINTS) this.#halve();
    const step = this.#step(at);
    this.#steps.set(step, largerMeasures(this.#steps.get(step) ?? NO_MEASURES, measures));
  }

  get points(): MemoryPoint[] {
    return [...this.#steps]
      .sort(([a], [b]) => a - b)
      .map(([step, measures]) => ({ at: step * this.stepMs, ...measures }));
  }

  #step(at: number): number {
    return Math.floor(at / this.stepMs);
  }

  #halve(): void {
    this.stepMs *= 2;
    const steps = new Map<number, Measures>();
    for (const [step, measures] of this.#steps) {
      const wider = Math.floor(step / 2);
      steps.set(wider, largerMeasures(steps.get(wider) ?? NO_MEASURES, measures));
    }
    this.#steps = steps;
  }
}
