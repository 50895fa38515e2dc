import { describe, expect, it } from '@jest/globals';
import type { V1Pod } from '@kubernetes/client-node';
import {
  resizeKind,
  resizeProgress,
  tooSmall
} from '../../src/clusters/launchers/kubernetes/resize.js';
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
  it('takes more memory beyond the heaps as it is, and nothing else', () => {
    const overhead = (executorOverheadMiB: number) => ({ ...SMALL, executorOverheadMiB });
    expect(resizeKind(SMALL, overhead(SMALL.executorOverheadMiB + 512))).toBe('live');
    expect(resizeKind(SMALL, SMALL)).toBe('live');
    expect(resizeKind(SMALL, overhead(SMALL.executorOverheadMiB - 1))).toBe('restart-needed');
    for (const change of [
      { driverMemoryMiB: 2_048 },
      { executorMemoryMiB: 2_048 },
      { executorCores: 2 },
      { executors: { min: 1, max: 2 } }
    ])
      expect(resizeKind(SMALL, { ...SMALL, ...change })).toBe('restart-needed');
  });

  it('has its new limit when the container says so, not when it was asked for', () => {
    expect(resizeProgress(executor('1800Mi', '812Mi'), 1_800)).toEqual({ state: 'under-way' });
    expect(resizeProgress(executor('1800Mi', '1800Mi'), 1_800)).toEqual({ state: 'in-force' });
    expect(resizeProgress(executor('1800Mi', null), 1_800)).toEqual({ state: 'under-way' });
  });

  it('is told what hinders the limit, and whether for ever', () => {
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

  it('finds executors that came since with less than the others have', () => {
    const small = executor('768Mi', '768Mi');
    const all = [small, executor('1Gi', '1Gi'), executor('768Mi', '768Mi', [], 'Failed')];
    expect(tooSmall(all, { ...SMALL, executorOverheadMiB: 512 })).toEqual([small]);
  });
});
