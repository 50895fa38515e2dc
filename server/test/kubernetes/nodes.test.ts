import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { KubeConfig, V1Node, V1Pod } from '@kubernetes/client-node';
import { pino } from 'pino';
import { Nodes } from '../../src/launchers/kubernetes/capacity/nodes.js';
import { KubernetesConfig } from '../../src/launchers/kubernetes/kubernetes-config.js';
import { KubernetesLists } from '../support/kubernetes-lists.js';
import { eventually } from '../support/server.js';

const NODES = '/api/v1/nodes';
const PODS = '/api/v1/pods';
const QUICK = { backOff: { firstMs: 10, longestMs: 50 } };

const node = (name: string): V1Node => ({
  metadata: { name },
  spec: {},
  status: {
    allocatable: { memory: '8Gi', cpu: '8' },
    conditions: [{ type: 'Ready', status: 'True' }],
    images: [{ names: ['large'], sizeBytes: 5 }]
  }
});
const pod = (name: string, nodeName: string, memory = '1Gi'): V1Pod => ({
  metadata: { name },
  spec: { nodeName, containers: [{ name: 'c', resources: { requests: { memory } } }] },
  status: { phase: 'Running' }
});

describe('The nodes of Kubernetes', () => {
  let api: KubernetesLists;
  let kubeConfig: KubeConfig;
  let nodes: Nodes;
  let log: string[];
  const open = (more: object = {}) => {
    const config = KubernetesConfig.parse({ image: { name: 'x' }, ...more });
    const logger = pino({ level: 'warn' }, { write: line => log.push(line) });
    nodes = new Nodes(kubeConfig, config, () => false, logger, QUICK);
    return nodes;
  };
  const metric = (name: string) =>
    nodes
      .metrics()
      .find(one => one.name === `aglais_kubernetes_${name}`)!
      .read();

  beforeEach(async () => {
    api = new KubernetesLists();
    kubeConfig = await api.open();
    log = [];
    api.add(NODES, node('n1'));
    for (let n = 0; n < 1_234; n += 1) api.add(PODS, pod(`p${n}`, 'elsewhere'));
    api.add(PODS, pod('last', 'n1', '3Gi'));
  });
  afterEach(async () => {
    await nodes.close();
    await api.close();
  });

  it('are listed once in pages and watched, so that no request waits for a list', async () => {
    open();
    expect(await nodes.free('executors', [])).toMatchObject({ memoryMiB: 5 * 1024 });
    for (let n = 0; n < 20; n += 1) expect((await nodes.capacity()).memoryMiB).toBe(5 * 1024);
    const lists = api.requests.filter(({ query }) => query.get('watch') === null);
    expect(lists.map(({ path }) => path).sort()).toEqual([NODES, PODS, PODS, PODS]);
    expect(lists.every(({ query }) => query.get('limit') === '500')).toBe(true);
    expect((await nodes.capacity()).problems).toEqual([]);
  });

  it('have recent data, even while the API server does not respond', async () => {
    open();
    await nodes.capacity();
    await eventually('the watches', () =>
      [NODES, PODS].every(path =>
        api.requests.some(one => one.path === path && one.query.get('watch') === '1')
      )
    );
    api.add(PODS, pod('new', 'n1', '2Gi'));
    api.add(NODES, node('n2'));
    await eventually('both', async () => {
      const { memoryMiB } = await nodes.capacity();
      return memoryMiB === (3 + 8) * 1024;
    });
    api.silent = true;
    const begun = performance.now();
    await nodes.capacity();
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  it('are not taken for empty without the permission to list pods: response, log and metrics name it', async () => {
    api.forbidden.add('list pods');
    open();
    const { memoryMiB, problems } = await nodes.capacity();
    expect(memoryMiB).toBe(8 * 1024);
    expect(problems).toEqual([expect.stringMatching(/may not list the pods.*grant.*list.*pods/)]);
    expect(await nodes.free('drivers', [])).toBeNull();
    expect(metric('pods_forbidden')).toBe(1);
    expect(metric('nodes_forbidden')).toBe(0);
    expect(log).toHaveLength(1);
    expect(log[0]).toMatch(/may not list pods.*administrator/);

    api.forbidden.clear();
    await eventually('the right is used', () => metric('pods_forbidden') === 0);
    expect(await nodes.capacity()).toMatchObject({ memoryMiB: 5 * 1024, problems: [] });
    expect(log).toHaveLength(1);
  });

  it('that may not be listed are reported as such', async () => {
    api.forbidden.add('list nodes').add('list pods');
    open();
    await expect(nodes.capacity()).rejects.toThrow(/may not list the nodes.*grant/);
    expect(metric('nodes_forbidden')).toBe(1);
    await nodes.close();

    open({ capacity: { memoryMiB: 9_000, largestNode: { memoryMiB: 4_000, cores: 4 } } });
    expect(await nodes.capacity()).toMatchObject({ memoryMiB: 9_000, problems: [] });
  });

  it('are known, with a log message, if they may be listed and not watched', async () => {
    api.forbidden.add('watch nodes').add('watch pods');
    open();
    await nodes.capacity();
    await eventually('both', () => log.length === 2);
    expect(log.join()).toMatch(/may not watch nodes.*listed again and again/);
    api.add(NODES, node('n2'));
    await eventually('the new one', async () => (await nodes.capacity()).memoryMiB > 8 * 1024);
    expect(log).toHaveLength(2);
  });
});
