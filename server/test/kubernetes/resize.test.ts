import { describe, expect, it } from '@jest/globals';
import type { V1Pod } from '@kubernetes/client-node';
import { canResizeInPlace } from '@aglais/protocol';
import { RESIZE_IN_PLACE } from '../../src/launchers/kubernetes/resize/cluster-resizer.js';
import { resizeProgress, belowLimit } from '../../src/launchers/kubernetes/resize/memory-limit.js';
import { LOCAL } from '../support/rows.js';
import { SMALL } from '../support/server.js';

const NAME = 'spark-kubernetes-executor';
const executor = (
  asked: string,
  inForce: string | null,
  conditions: object[] = [],
  phase = 'Running'
) =>
  ({
    metadata: { name: 'e', uid: 'u' },
    spec: { containers: [{ name: NAME, resources: { limits: { memory: asked } } }] },
    status: {
      phase,
      conditions,
      containerStatuses: [
        { name: NAME, ...(inForce && { resources: { limits: { memory: inForce } } }) }
      ]
    }
  }) as unknown as V1Pod;

describe('A running cluster', () => {
  it('gets more memory overhead in place, but no other heaps and cores', () => {
    const overhead = (executorOverheadMiB: number) => ({ ...SMALL, executorOverheadMiB });
    const more = overhead(SMALL.executorOverheadMiB + 512);
    for (const launcher of [LOCAL, RESIZE_IN_PLACE]) {
      expect(canResizeInPlace(SMALL, more, launcher)).toBe(true);
      expect(canResizeInPlace(SMALL, SMALL, launcher)).toBe(true);
      for (const change of [
        { driverMemoryMiB: 2_048 },
        { executorMemoryMiB: 2_048 },
        { executorCores: 2 }
      ])
        expect(canResizeInPlace(SMALL, { ...SMALL, ...change }, launcher)).toBe(false);
    }
    // A limit below the current use would be a kill there.
    expect(canResizeInPlace(more, SMALL, RESIZE_IN_PLACE)).toBe(false);
    expect(canResizeInPlace(more, SMALL, LOCAL)).toBe(true);
  });

  it('gets another number or range of executors on Kubernetes', () => {
    const of = (min: number, max = min) => ({ ...SMALL, executors: { min, max } });
    expect(canResizeInPlace(of(2), of(5), RESIZE_IN_PLACE)).toBe(true);
    expect(canResizeInPlace(of(5), of(1), RESIZE_IN_PLACE)).toBe(true);
    expect(canResizeInPlace(of(2), of(5), LOCAL)).toBe(false);
    expect(canResizeInPlace(of(2), of(2, 5), RESIZE_IN_PLACE)).toBe(true);
    expect(canResizeInPlace(of(2, 5), of(4), RESIZE_IN_PLACE)).toBe(true);
    expect(canResizeInPlace(of(2, 5), of(1, 9), RESIZE_IN_PLACE)).toBe(true);
    expect(canResizeInPlace(of(2, 5), of(1, 9), LOCAL)).toBe(false);
    expect(canResizeInPlace(of(2, 5), of(2, 5), LOCAL)).toBe(true);
  });

  it('has its new limit when the container reports it, not when it was requested', () => {
    expect(resizeProgress(executor('1800Mi', '812Mi'), 1_800)).toEqual({ state: 'under-way' });
    expect(resizeProgress(executor('1800Mi', '1800Mi'), 1_800)).toEqual({ state: 'in-force' });
    expect(resizeProgress(executor('1800Mi', null), 1_800)).toEqual({ state: 'under-way' });
  });

  it('reports what prevents the limit, and whether permanently', () => {
    const pending = (reason: string) => [
      { type: 'PodResizePending', status: 'True', reason, message: `because it is ${reason}` }
    ];
    expect(resizeProgress(executor('9Gi', '1Gi', pending('Deferred')), 9_216)).toEqual({
      state: 'deferred',
      words: 'because it is Deferred'
    });
    expect(resizeProgress(executor('9Gi', '1Gi', pending('Infeasible')), 9_216)).toMatchObject({
      state: 'infeasible'
    });
  });

  it('finds new executors with a lower limit than the others', () => {
    const small = executor('768Mi', '768Mi');
    const all = [small, executor('1Gi', '1Gi'), executor('768Mi', '768Mi', [], 'Failed')];
    expect(belowLimit(all, { ...SMALL, executorOverheadMiB: 512 })).toEqual([small]);
  });
});
