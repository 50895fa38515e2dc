import { TestCluster } from './support/cluster.js';

const cluster = new TestCluster();
const LIMITED = (memory: string) => ({
  resources: { requests: { memory, cpu: '10m' }, limits: { memory, cpu: '200m' } }
});
/** A server on port 8080, at once. */
const SERVER =
  'mkdir -p /tmp/www; echo hello > /tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www';
const WORKS = 'wget -q -T 3 -O - ';

beforeAll(() => cluster.open());
afterAll(() => cluster.close());

it('has a node that is ready', async () => {
  const { items } = await cluster.core.listNode();
  const ready = items.filter(node =>
    node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
  );
  expect(ready.length).toBeGreaterThan(0);
});

it('runs a pod to its end and keeps what it said', async () => {
  expect(
    await cluster.output('speaker', 'echo "I am $(hostname 2>/dev/null || echo here)"')
  ).toMatch(/^I am/);
});

it('finds services by their names, and reaches them', async () => {
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
  const script = `for i in 1 2 3 4 5 6 7 8 9 10; do
    ${WORKS} http://web/ && ${WORKS} http://headless.${cluster.namespace}.svc.cluster.local:8080/ && exec nslookup headless.${cluster.namespace}.svc.cluster.local
    sleep 1
  done; exit 1`;
  const said = await cluster.output('caller', script);
  expect(said.match(/hello/g)).toHaveLength(2);
  expect(said).toContain(address);
});

it('kills a container that wants more memory than it may have, and says so', async () => {
  await cluster.run(
    'glutton',
    'exec dd if=/dev/zero of=/dev/null bs=256M count=1',
    LIMITED('64Mi')
  );
  const pod = await cluster.reaches('glutton', 'Failed');
  const ended = pod.status?.containerStatuses?.[0]?.state?.terminated;
  expect(ended).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
});

it('gives a living container more memory', async () => {
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

it('keeps a pod waiting that fits nowhere, and says why', async () => {
  await cluster.run('giant', 'true', LIMITED('64Ti'));
  const condition = await cluster.until('the scheduler', async () =>
    (await cluster.read('giant')).status?.conditions?.find(
      ({ reason }) => reason === 'Unschedulable'
    )
  );
  expect(condition.message).toMatch(/Insufficient memory/);
});

it('mounts a directory of the node for reading only', async () => {
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
  const call = (address: string) =>
    `for i in 1 2 3; do ${WORKS} http://${address}:8080/ && exit 0; done; echo closed`;

  it('are in force: only who is named comes through', async () => {
    await cluster.run('guarded', SERVER);
    const pod = await cluster.reaches('guarded', 'Running');
    const address = pod.status?.podIP ?? '';
    expect(await cluster.output('before', call(address))).toBe('hello\n');
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
    expect(await cluster.output('stranger', `sleep 1; ${call(address)}`)).toBe('closed\n');
    expect(await cluster.output('friend', call(address))).toBe('hello\n');
    await cluster.networking.deleteNamespacedNetworkPolicy({
      name: 'guard',
      namespace: cluster.namespace
    });
    expect(await cluster.output('after', `sleep 1; ${call(address)}`)).toBe('hello\n');
  });
});
