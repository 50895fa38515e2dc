import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TestCluster } from './support/cluster.js';

const cluster = new TestCluster();
const LIMITED = (memory: string) => ({
  resources: { requests: { memory, cpu: '10m' }, limits: { memory, cpu: '200m' } }
});
/** A server on port 8080 that starts immediately. */
const SERVER =
  'mkdir -p /tmp/www; echo hello > /tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www';
/** Prints the page of each address, and the addresses of a name; the static busybox cannot resolve names well. */
const CALL = `
import socket, sys, time, urllib.request
def page(url):
    for attempt in range(3):
        try:
            return urllib.request.urlopen(url, timeout=3).read().decode()
        except OSError:
            time.sleep(0.5)
    return "closed\\n"
for what in sys.argv[1:]:
    print(page(what) if "/" in what else socket.gethostbyname(what), end="" if "/" in what else "\\n")
`;

/** What a pod with this name receives from these addresses. */
const call = (name: string, ...what: string[]) =>
  cluster.output(name, ['python3', '-c', CALL, ...what], { image: cluster.spark });

beforeAll(() => cluster.open());
afterAll(() => cluster.close());

it('has a node that is ready', async () => {
  const { items } = await cluster.core.listNode();
  const ready = items.filter(node =>
    node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
  );
  expect(ready.length).toBeGreaterThan(0);
});

it('runs a pod to its end and keeps its log', async () => {
  expect(await cluster.output('speaker', ['sh', '-c', 'echo I was here'])).toBe('I was here\n');
});

it('resolves services by name, and connects to them', async () => {
  await cluster.run('server', SERVER);
  const server = await cluster.reaches('server', 'Running');
  await cluster.core.createNamespacedService({
    namespace: cluster.namespace,
    body: {
      metadata: { name: 'web' },
      spec: { selector: { app: 'server' }, ports: [{ port: 80, targetPort: 8080 }] }
    }
  });
  await cluster.core.createNamespacedService({
    namespace: cluster.namespace,
    body: {
      metadata: { name: 'headless' },
      spec: { clusterIP: 'None', selector: { app: 'server' }, ports: [{ port: 8080 }] }
    }
  });
  const address = server.status?.podIP ?? '';
  const name = `headless.${cluster.namespace}.svc.cluster.local`;
  const said = await call('caller', 'http://web/', `http://${name}:8080/`, name);
  expect(said.match(/hello/g)).toHaveLength(2);
  expect(said).toContain(address);
});

it('OOM-kills a container that exceeds its memory limit, and reports it', async () => {
  await cluster.run(
    'glutton',
    'exec dd if=/dev/zero of=/dev/null bs=256M count=1',
    LIMITED('64Mi')
  );
  const pod = await cluster.reaches('glutton', 'Failed');
  const ended = pod.status?.containerStatuses?.[0]?.state?.terminated;
  expect(ended).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
});

it('raises the memory of a running container', async () => {
  await cluster.run('grower', 'exec sleep 1000', LIMITED('64Mi'));
  const before = await cluster.reaches('grower', 'Running');
  await cluster.core.patchNamespacedPodResize({
    name: 'grower',
    namespace: cluster.namespace,
    body: [
      { op: 'replace', path: '/spec/containers/0/resources/limits/memory', value: '160Mi' },
      { op: 'replace', path: '/spec/containers/0/resources/requests/memory', value: '160Mi' }
    ]
  });
  const after = await cluster.until('the new limit', async () => {
    const pod = await cluster.read('grower');
    const [status] = pod.status?.containerStatuses ?? [];
    return status?.resources?.limits?.memory === '160Mi' ? status : null;
  });
  expect(after.containerID).toBe(before.status?.containerStatuses?.[0]?.containerID);
  expect(after.restartCount).toBe(0);
});

it('keeps an unschedulable pod pending, with the reason', async () => {
  await cluster.run('giant', 'true', LIMITED('64Ti'));
  const condition = await cluster.until('the scheduler', async () =>
    (await cluster.read('giant')).status?.conditions?.find(
      ({ reason }) => reason === 'Unschedulable'
    )
  );
  expect(condition!.message).toMatch(/Insufficient memory/);
});

it('mounts a directory of the node read-only', async () => {
  await cluster.run(
    'reader',
    'ls /catalogues > /dev/null && ! touch /catalogues/written 2> /dev/null && echo safe',
    { volumeMounts: [{ name: 'catalogues', mountPath: '/catalogues', readOnly: true }] },
    {
      volumes: [
        {
          name: 'catalogues',
          hostPath: { path: process.env.AGLAIS_NODE_CATALOGUES ?? '/usr/share', type: '' }
        }
      ]
    }
  );
  await cluster.reaches('reader', 'Succeeded');
  expect(await cluster.log('reader')).toBe('safe\n');
});

describe('network policies', () => {
  it('are enforced: only allowed peers can connect', async () => {
    await cluster.run('guarded', SERVER);
    const pod = await cluster.reaches('guarded', 'Running');
    const server = `http://${pod.status?.podIP}:8080/`;
    expect(await call('before', server)).toBe('hello\n');
    await cluster.networking.createNamespacedNetworkPolicy({
      namespace: cluster.namespace,
      body: {
        metadata: { name: 'guard' },
        spec: {
          podSelector: { matchLabels: { app: 'guarded' } },
          policyTypes: ['Ingress'],
          ingress: [
            {
              _from: [{ podSelector: { matchLabels: { app: 'friend' } } }],
              ports: [{ port: 8080 }]
            }
          ]
        }
      }
    });
    expect(await call('stranger', server)).toBe('closed\n');
    expect(await call('friend', server)).toBe('hello\n');
    await cluster.networking.deleteNamespacedNetworkPolicy({
      name: 'guard',
      namespace: cluster.namespace
    });
    expect(await call('after', server)).toBe('hello\n');
  });
});
