import { describe, expect, it } from '@jest/globals';
import type { V1Node, V1Pod } from '@kubernetes/client-node';
import fc from 'fast-check';
import { admit, largestShape } from '../../src/clusters/admission/admit.js';
import {
  nodeCapacities,
  othersMiB,
  podSize,
  capacityOf
} from '../../src/launchers/kubernetes/capacity/node-capacity.js';
import { KubernetesConfig } from '../../src/launchers/kubernetes/kubernetes-config.js';
import { refuseWithoutMachines } from '../../src/clusters/admission/options.js';
import { holds, type Capacity } from '../../src/launchers/capacity.js';
import { SMALL } from '../support/server.js';

const configOf = (more: object = {}) => KubernetesConfig.parse({ image: { name: 'x' }, ...more });
const node = (name: string, memory: string, cpu = '8', more: object = {}): V1Node =>
  ({
    metadata: { name },
    spec: {},
    status: { allocatable: { memory, cpu }, conditions: [{ type: 'Ready', status: 'True' }] },
    ...more
  }) as V1Node;
const podOn = (nodeName: string, memory: string, kind?: string) =>
  ({
    metadata: { name: 'p', ...(kind && { ownerReferences: [{ kind }] }) },
    spec: {
      nodeName,
      containers: [{ name: 'c', resources: { requests: { memory, cpu: '500m' } } }]
    }
  }) as unknown as V1Pod;
const capacityWith = (nodes: V1Node[], pods: V1Pod[] = [], more: object = {}): Capacity => {
  const config = configOf(more);
  const capacities = nodeCapacities(nodes, pods, config);
  return capacityOf(
    capacities,
    othersMiB(capacities, pods, () => false),
    config
  );
};
const refusal = (action: () => void): string => {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('was admitted');
};

describe('The capacity of nodes', () => {
  it("is what they have for pods, without the node's own pods", () => {
    const pods = [podOn('a', '1Gi', 'DaemonSet'), podOn('a', '2Gi', 'ReplicaSet')];
    const [a] = nodeCapacities([node('a', '8Gi')], pods, configOf());
    expect(a).toEqual({
      name: 'a',
      empty: { memoryMiB: 7_168, cores: 7.5 },
      free: { memoryMiB: 5_120, cores: 7 },
      takes: { drivers: true, executors: true }
    });
  });

  it('does not include pods that have ended', () => {
    const over = { ...podOn('a', '2Gi'), status: { phase: 'Succeeded' } } as V1Pod;
    expect(nodeCapacities([node('a', '8Gi')], [over], configOf())[0]!.free.memoryMiB).toBe(8_192);
  });

  it('for executors with an option follows its placement, and for drivers the default placement', () => {
    const taint = { key: 'gpu', effect: 'NoSchedule', value: 'yes' };
    const gpu = node('gpu', '32Gi', '8', {
      metadata: { name: 'gpu', labels: { gpu: 'a100' } },
      spec: { taints: [taint] }
    });
    const options = {
      gpu: {
        title: 'GPU',
        nodeSelector: { gpu: 'a100' },
        tolerations: [{ key: 'gpu', operator: 'Exists' }]
      },
      nvme: { title: 'NVMe', nodeSelector: { disk: 'nvme' } }
    };
    const config = configOf({ options });
    const capacityFor = (chosen: ('gpu' | 'nvme')[], nodes = [node('plain', '8Gi'), gpu]) => {
      const asked = chosen.map(name => config.options[name]!);
      return capacityOf(nodeCapacities(nodes, [], config, asked), 0, config);
    };
    const fits = (memoryMiB: number, of: Capacity) =>
      holds(of, { ...SMALL, executorMemoryMiB: memoryMiB });
    // Memory includes all nodes on which some cluster may run.
    expect([capacityFor([]), capacityFor(['gpu'])].map(one => one.memoryMiB)).toEqual([
      40_960, 40_960
    ]);
    expect([
      fits(4_000, capacityFor([])),
      fits(20_000, capacityFor([])),
      fits(20_000, capacityFor(['gpu']))
    ]).toEqual([...[true, false, true]]);
    // A driver does not fit on nodes that are only for executors.
    expect(fits(4_000, capacityFor(['gpu'], [gpu]))).toBe(false);
    const offered = [{ name: 'nvme', title: 'NVMe', description: '' }];
    expect(refusal(() => refuseWithoutMachines(['nvme'], offered, capacityFor(['nvme'])))).toMatch(
      /No machine of this Kubernetes cluster offers the requested options now: NVMe\. Nothing was started/
    );
    expect(() => refuseWithoutMachines([], offered, capacityFor([]))).not.toThrow();
    // With autoscaling, a node of this kind may be added.
    const { capacity } = configOf({ capacity: { largestNode: { memoryMiB: 9_000, cores: 4 } } });
    const growing = { ...config, capacity };
    const none = capacityOf(nodeCapacities([], [], growing), 0, growing);
    expect(() => refuseWithoutMachines(['nvme'], offered, none)).not.toThrow();
  });

  it('includes only nodes that accept our pods', () => {
    const taint = { key: 'gpu', effect: 'NoSchedule', value: 'yes' };
    const nodes = [
      node('plain', '8Gi'),
      node('tainted', '8Gi', '8', { spec: { taints: [taint] } }),
      node('cordoned', '8Gi', '8', { spec: { unschedulable: true } }),
      node('away', '8Gi', '8', { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } })
    ];
    const names = (more: object = {}) =>
      nodeCapacities(nodes, [], configOf(more)).map(({ name }) => name);
    expect(names()).toEqual(['plain']);
    const tolerations = [{ key: 'gpu', operator: 'Exists' }];
    expect(names({ placement: { tolerations } })).toEqual(['plain', 'tainted']);
    expect(names({ placement: { nodeSelector: { pool: 'spark' } } })).toEqual([]);
  });

  it('counts a native sidecar in addition to the containers, and an init container separately', () => {
    const resources = (memory: string) => ({ requests: { memory, cpu: '100m' } });
    const size = podSize({
      spec: {
        containers: [{ name: 'c', resources: resources('1Gi') }],
        initContainers: [
          { name: 'sidecar', restartPolicy: 'Always', resources: resources('64Mi') },
          { name: 'init', resources: resources('512Mi') }
        ]
      }
    });
    expect(size).toEqual({ memoryMiB: 1_088, cores: 0.2 });
  });
});

describe('Admission to Kubernetes', () => {
  // The driver's pod: 512 + 384 + 96; each executor 512 + 256.
  it('refuses an executor that fits on no node, with the size of the largest node', () => {
    const capacity = capacityWith([node('a', '4Gi'), node('b', '8Gi')]);
    const shape = { ...SMALL, executorMemoryMiB: 10_000 };
    const said = refusal(() => admit(shape, capacity, [], SMALL));
    expect(said).toMatch(
      /Each executor needs 10\.0 GiB and 1 processors, and the largest machine of this Kubernetes cluster has 8\.0 GiB/
    );
    expect(said).toMatch(
      /largest that fits has 1 executor with 7\.\d GiB of heap\. Nothing was started\./
    );
  });

  it('refuses more CPUs than any node has', () => {
    const capacity = capacityWith([node('a', '8Gi', '2')]);
    expect(refusal(() => admit({ ...SMALL, executorCores: 4 }, capacity, [], SMALL))).toMatch(
      /4 processors/
    );
  });

  it('refuses executors that fit one by one and not all at once', () => {
    // Each node has capacity for one such executor, and none for the driver in addition.
    const capacity = capacityWith([node('a', '3Gi'), node('b', '3Gi')]);
    const shape = { ...SMALL, executors: { min: 2, max: 2 }, executorMemoryMiB: 2_048 };
    expect(refusal(() => admit(shape, capacity, [], SMALL))).toMatch(/find a place at once/);
  });

  it('leaves memory that others requested alone', () => {
    const capacity = capacityWith([node('a', '8Gi')], [podOn('a', '7Gi', 'ReplicaSet')]);
    expect(capacity.memoryMiB).toBe(1_024);
  });

  it('uses the configured capacity for nodes that are added later', () => {
    const declared = { memoryMiB: 100_000, largestNode: { memoryMiB: 32_768, cores: 16 } };
    const capacity = capacityWith([], [], { capacity: declared });
    expect(() => admit({ ...SMALL, executorMemoryMiB: 30_000 }, capacity, [], SMALL)).not.toThrow();
    expect(
      refusal(() => admit({ ...SMALL, executorMemoryMiB: 40_000 }, capacity, [], SMALL))
    ).toMatch(/32\.0 GiB and 16 processors/);
  });

  it('advises the largest shape that fits, and not one MiB less', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            memoryMiB: fc.integer({ min: 2_048, max: 65_536 }),
            cores: fc.integer({ min: 1, max: 16 })
          }),
          { minLength: 1, maxLength: 6 }
        ),
        fc.integer({ min: 1, max: 8 }),
        (nodes, max) => {
          const capacity = capacityWith(
            nodes.map((one, index) => node(`n${index}`, `${one.memoryMiB}Mi`, String(one.cores)))
          );
          const base = { ...SMALL, executors: { min: max, max } };
          const largest = largestShape(capacity, base);
          if (!holds(capacity, largest)) return; // Not even the smallest one.
          expect(() => admit(largest, capacity, [], base)).not.toThrow();
          const larger = { ...largest, executorMemoryMiB: largest.executorMemoryMiB + 1 };
          expect(holds(capacity, larger)).toBe(false);
        }
      )
    );
  });
});
