import { describe, expect, it } from '@jest/globals';
import { executorLimitMiB } from '@aglais/protocol';
import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { parse } from 'yaml';
import type { ClusterSpec } from '../../src/launchers/launcher.js';
import {
  configMap,
  ownedBy,
  secret,
  service
} from '../../src/launchers/kubernetes/objects/cluster-objects.js';
import { networkPolicy } from '../../src/launchers/kubernetes/objects/network-policy.js';
import { driverPod } from '../../src/launchers/kubernetes/objects/driver-pod.js';
import { driverProperties } from '../../src/launchers/kubernetes/objects/driver-properties.js';
import { executorTemplate } from '../../src/launchers/kubernetes/objects/executor-template.js';
import {
  clusterOfName,
  SECRET_KEYS,
  type ClusterSecrets
} from '../../src/launchers/kubernetes/objects/names.js';
import { podSize } from '../../src/launchers/kubernetes/capacity/node-capacity.js';
import { KubernetesConfig } from '../../src/launchers/kubernetes/kubernetes-config.js';
import { driverRights } from '../../src/launchers/kubernetes/objects/rbac.js';
import { driverSize } from '../../src/launchers/kubernetes/capacity/pod-size.js';
import { ruleset } from '../../../testbed/src/network-policy/ruleset.js';
import { SMALL } from '../support/server.js';

const TOKEN = 'VERY-SECRET';
const configOf = (more: object = {}) =>
  KubernetesConfig.parse({ image: { name: 'registry.example/aglais-spark:1' }, ...more });
const spec: ClusterSpec = {
  id: 'm1abc',
  shape: { ...SMALL, executors: { min: 3, max: 3 }, executorCores: 2 },
  token: TOKEN,
  catalogue: ['CREATE DATABASE IF NOT EXISTS `gaia`', "CREATE TABLE `gaia`.`gd1` LOCATION '/d'"]
};
const secrets = Object.fromEntries(
  SECRET_KEYS.map(key => [key, key === 'token' ? TOKEN : `the ${key}`])
) as ClusterSecrets;
const root = { metadata: { name: 'aglais-m1abc', uid: 'root-uid' } };
const pod = (more: object = {}, of = spec) =>
  driverPod(of, configOf(more), 'spaces', ownedBy(root));
const template = (more: object = {}, of = spec) => executorTemplate(of, configOf(more));
const all = (more: object = {}) => {
  const config = configOf(more);
  const owner = ownedBy(root);
  return [
    configMap(spec, config, 'spaces'),
    secret(spec, config, 'spaces', owner, secrets),
    service(spec, config, 'spaces', owner),
    networkPolicy(spec, config, 'spaces', owner),
    driverPod(spec, config, 'spaces', owner)
  ];
};
const containers = ({ spec: it }: V1Pod): V1Container[] => [
  ...(it!.initContainers ?? []),
  ...it!.containers
];
const mountsOf = (container: V1Container) =>
  Object.fromEntries((container.volumeMounts ?? []).map(one => [one.mountPath, one]));

describe('The objects of a cluster', () => {
  it('have one name, and labels for owner, installation and shape', () => {
    for (const { metadata } of all({ labels: { team: 'gaia' } })) {
      expect(metadata).toMatchObject({
        name: 'aglais-m1abc',
        namespace: 'spaces',
        labels: {
          team: 'gaia',
          'app.kubernetes.io/managed-by': 'aglais',
          'aglais.org/installation': 'aglais',
          'aglais.org/cluster': 'm1abc'
        }
      });
      expect(JSON.parse(metadata!.annotations!['aglais.org/shape']!)).toEqual(spec.shape);
    }
    expect(clusterOfName('aglais-m1abc')).toBe('m1abc');
    expect(clusterOfName('aglais-m1abc-exec-12')).toBe('m1abc');
    expect(clusterOfName('somebody-else')).toBeNull();
  });

  it('are deleted with the first of them', () => {
    const [first, ...others] = all();
    expect(first!.metadata!.ownerReferences).toBeUndefined();
    for (const { metadata } of others) {
      expect(metadata!.ownerReferences).toEqual([
        { apiVersion: 'v1', kind: 'ConfigMap', name: 'aglais-m1abc', uid: 'root-uid' }
      ]);
    }
  });

  it('have the token in the Secret and nowhere else', () => {
    const [config, own, ...others] = all();
    expect(JSON.stringify(own)).toContain(TOKEN);
    for (const other of [config, ...others, template()]) {
      expect(JSON.stringify(other)).not.toContain(TOKEN);
    }
  });

  it('refuse a catalogue that is too large for a ConfigMap, with a remedy', () => {
    const huge = { ...spec, catalogue: ['x'.repeat(1_100_000)] };
    expect(() => configMap(huge, configOf(), 'spaces')).toThrow(/declare fewer shares/);
  });
});

describe('Driver and executors', () => {
  it('are restricted pods in terms of Pod Security Standards', () => {
    for (const one of [pod(), template()]) {
      expect(one.spec!.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' }
      });
      for (const { securityContext } of containers(one)) {
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] }
        });
      }
      const kinds = one.spec!.volumes!.flatMap(({ name: _, ...source }) => Object.keys(source));
      const restricted = [
        'configMap',
        'emptyDir',
        'ephemeral',
        'persistentVolumeClaim',
        'projected',
        'secret'
      ];
      expect(restricted).toEqual(expect.arrayContaining(kinds));
    }
  });

  it('may write a limited amount to each volume on the disk of their node', () => {
    const sizes = (one: V1Pod) =>
      Object.fromEntries(
        one.spec!.volumes!.flatMap(({ name, emptyDir }) =>
          emptyDir ? [[name, emptyDir.sizeLimit]] : []
        )
      );
    const executor = { tmp: '4096Mi', work: '4096Mi', 'spark-local-dir-1': '51200Mi' };
    expect(sizes(template())).toEqual(executor);
    expect(sizes(pod())).toEqual({ ...executor, aglais: '10240Mi' });
    const more = {
      volumeLimits: { directoryMiB: 20_000, temporaryMiB: 100 },
      scratch: { kind: 'disk', sizeMiB: 300 }
    };
    expect(sizes(pod(more))).toEqual({
      tmp: '100Mi',
      work: '100Mi',
      'spark-local-dir-1': '300Mi',
      aglais: '20000Mi'
    });
  });

  it('have a token for the API in the driver alone', () => {
    expect(pod().spec!.automountServiceAccountToken).toBe(false);
    expect(template().spec!.automountServiceAccountToken).toBe(false);
    const [witness, driver] = containers(pod());
    expect(mountsOf(driver!)['/var/run/secrets/kubernetes.io/serviceaccount']).toBeDefined();
    expect(mountsOf(witness!)['/var/run/secrets/kubernetes.io/serviceaccount']).toBeUndefined();
    expect(JSON.stringify(template().spec!.volumes)).not.toContain('serviceAccountToken');
  });

  it('request the memory that they may use, and Spark gets the same sizes', () => {
    for (const { resources } of containers(pod())) {
      expect(resources!.requests!['memory']).toBe(resources!.limits!['memory']);
    }
    const [witness, driver] = containers(pod());
    expect(driver!.resources!.limits!['memory']).toBe(`${spec.shape.driverMemoryMiB + 384}Mi`);
    expect(witness!.resources!.limits!['memory']).toBe('96Mi');
    expect(podSize(pod())).toEqual(driverSize(spec.shape, configOf()));
    const properties = driverProperties(spec, configOf(), 'spaces');
    const mib = (key: string) => parseInt(properties[key]!, 10);
    expect(mib('spark.executor.memory') + mib('spark.executor.memoryOverhead')).toBe(
      executorLimitMiB(spec.shape)
    );
    // Spark would add either to the limit.
    expect(properties['spark.memory.offHeap.enabled']).toBeUndefined();
    expect(properties['spark.executor.pyspark.memory']).toBeUndefined();
  });

  it('start the witness before the driver and stop it after the driver', () => {
    const [witness] = pod().spec!.initContainers!;
    expect(witness).toMatchObject({ name: 'witness', restartPolicy: 'Always' });
    expect(pod().spec!.restartPolicy).toBe('Never');
    expect(mountsOf(witness!)['/aglais']).toBeDefined();
    expect(mountsOf(pod().spec!.containers[0]!)['/aglais']).toBeDefined();
  });

  it('give executors only the secrets for their authentication', () => {
    const volume = template().spec!.volumes!.find(({ name }) => name === 'secret');
    expect(volume!.secret!.items).toEqual([{ key: 'spark-secret', path: 'spark-secret' }]);
  });

  it('write the event log to the configured volume, which is read-only for the witness', () => {
    const log = (one: V1Pod) => one.spec!.volumes!.find(({ name }) => name === 'event-log');
    expect(log(pod())).toBeUndefined();
    const eventLog = { volume: { claim: 'event-logs' }, subPath: 'spark' };
    expect(log(pod({ eventLog }))!.persistentVolumeClaim).toEqual({ claimName: 'event-logs' });
    expect(log(template({ eventLog }))).toBeUndefined();
    const [witness, driver] = containers(pod({ eventLog }));
    const written = { name: 'event-log', mountPath: '/aglais/eventlog', subPath: 'spark' };
    expect(driver!.volumeMounts).toContainEqual(written);
    expect(witness!.volumeMounts).toContainEqual({ ...written, readOnly: true });
    // It contains logs of other clusters.
    expect(witness!.env).toContainEqual({ name: 'AGLAIS_APPLICATION', value: `app-${spec.id}` });
    const host = log(pod({ eventLog: { volume: { hostPath: '/srv/logs' } } }));
    expect(host!.hostPath).toEqual({ path: '/srv/logs', type: 'Directory' });
  });

  it('do not know the bucket to which the server uploads event logs', () => {
    const bucket = { name: 'logs', endpoint: 'https://s3.example', keys: '/etc/aglais/keys' };
    expect(all({ eventLog: { bucket } })).toEqual(all());
  });

  it('follow the configured placement', () => {
    const placement = {
      nodeSelector: { pool: 'spark' },
      tolerations: [{ key: 'spark', operator: 'Exists', effect: 'NoSchedule' }],
      priorityClass: 'notebooks'
    };
    for (const one of [pod({ placement }), template({ placement })]) {
      expect(one.spec).toMatchObject({
        nodeSelector: { pool: 'spark' },
        tolerations: placement.tolerations,
        priorityClassName: 'notebooks'
      });
    }
  });

  it('get the requested options, and none that is not offered', () => {
    const options = {
      gpu: {
        title: 'A GPU',
        resources: { 'nvidia.com/gpu': 1 },
        nodeSelector: { gpu: 'yes' },
        properties: { 'spark.task.resource.gpu.amount': '1' }
      },
      nvme: { title: 'Fast scratch', scratch: { kind: 'host', path: '/nvme' } }
    };
    const chosen = { ...spec, options: ['gpu', 'nvme'] };
    const {
      nodeSelector,
      containers: [executor],
      volumes
    } = template({ options }, chosen).spec!;
    expect(nodeSelector).toEqual({ gpu: 'yes' });
    expect(executor!.resources!.limits).toEqual({ 'nvidia.com/gpu': '1' });
    expect(volumes).toContainEqual({
      name: 'spark-local-dir-1',
      hostPath: { path: '/nvme', type: 'Directory' }
    });
    const properties = driverProperties(chosen, configOf({ options }), 'spaces');
    expect(properties['spark.task.resource.gpu.amount']).toBe('1');
    expect(template({ options }).spec!.containers[0]!.resources).toBeUndefined();
    expect(() => template({ options }, { ...spec, options: ['tpu'] })).toThrow(
      /no option "tpu".*gpu, nvme/
    );
  });

  it('read shares and never write to them', () => {
    const volumes = [
      { name: 'gaia', mountPath: '/data/gaia', source: { claim: 'gaia-dr3' } },
      { name: 'wise', mountPath: '/data/wise', source: { nfs: { server: 'files', path: '/w' } } }
    ];
    for (const one of [pod({ volumes }), template({ volumes })]) {
      const own = one.spec!.containers[0]!;
      expect(mountsOf(own)['/data/gaia']).toMatchObject({ readOnly: true });
      expect(mountsOf(own)['/data/wise']).toMatchObject({ readOnly: true });
      // With a read-only claim Manila's volumes cannot be attached.
      expect(one.spec!.volumes).toContainEqual({
        name: 'share-gaia',
        persistentVolumeClaim: { claimName: 'gaia-dr3' }
      });
    }
    // The witness probes them at their mounts.
    const shares = [
      { id: 'gaia', path: '/data/gaia/dr3' },
      { id: 'gd1', path: '/data/gaia/gd1' },
      { id: 'bucket', path: 's3a://gaia/dr3' }
    ];
    const [witness] = containers(pod({ volumes }, { ...spec, shares }));
    expect(mountsOf(witness!)['/data/gaia']).toMatchObject({ readOnly: true });
    const { value } = witness!.env!.find(({ name }) => name === 'AGLAIS_SHARES')!;
    expect(JSON.parse(value!)).toEqual([
      { shares: ['gaia', 'gd1'], path: '/data/gaia' },
      { shares: ['wise'], path: '/data/wise' }
    ]);
    expect(containers(pod())[0]!.env!.map(({ name }) => name)).not.toContain('AGLAIS_SHARES');
  });

  it('have the keys of the object store by reference, under names that Spark does not copy', () => {
    const objectStore = { endpoint: 'https://s3.example', secret: 's3-keys' };
    for (const one of [pod({ objectStore }), template({ objectStore })]) {
      const env = one.spec!.containers[0]!.env!;
      expect(env.find(({ name }) => name === 'AGLAIS_S3_SECRET_KEY')).toEqual({
        name: 'AGLAIS_S3_SECRET_KEY',
        valueFrom: { secretKeyRef: { name: 's3-keys', key: 'AWS_SECRET_ACCESS_KEY' } }
      });
      expect(env.filter(({ name }) => name.startsWith('AWS_'))).toEqual([]);
    }
    const properties = driverProperties(spec, configOf({ objectStore }), 'spaces');
    expect(properties).toMatchObject({
      'spark.hadoop.fs.s3a.endpoint': 'https://s3.example',
      'spark.hadoop.fs.s3a.secret.key': '${env.AGLAIS_S3_SECRET_KEY}'
    });
    const open = driverProperties(spec, configOf({ objectStore: {} }), 'spaces');
    expect(open['spark.hadoop.fs.s3a.aws.credentials.provider']).toMatch(/Anonymous/);
    expect(open['spark.hadoop.fs.s3a.secret.key']).toBeUndefined();
  });
});

describe('The configuration of the driver', () => {
  const { data } = configMap(spec, configOf(), 'spaces');

  it('is an argument file with each property once, without those that only the pod knows', () => {
    const lines = data!['driver.args']!.trim().split('\n');
    const keys = lines.flatMap(line => /^"-D([^=]+)=/.exec(line)?.[1] ?? []);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys).not.toContain('spark.driver.host');
    // Executors connect to this address (spark.kubernetes.executor.useDriverPodIP): 0.0.0.0 would not work.
    expect(keys).not.toContain('spark.driver.bindAddress');
    expect(keys).not.toContain('spark.master');
    expect(lines.at(-1)).toBe('"org.apache.spark.sql.connect.service.SparkConnectServer"');
    const env = pod().spec!.containers[0]!.env!;
    const java = env.find(({ name }) => name === 'JDK_JAVA_OPTIONS')!.value!;
    expect(java).toContain('-Dspark.driver.host=$(POD_IP)');
    // References are substituted only with variables that precede them.
    expect(env.findIndex(({ name }) => name === 'POD_IP')).toBeLessThan(
      env.findIndex(({ name }) => name === 'JDK_JAVA_OPTIONS')
    );
  });

  it('has one statement per line, and the executor template', () => {
    expect(data!['catalogue.sql']!.split('\n').filter(Boolean)).toEqual(spec.catalogue);
    expect(parse(data!['executor-template.yaml']!)).toEqual(JSON.parse(JSON.stringify(template())));
  });

  it('keeps dead executors until they were observed', () => {
    const properties = driverProperties(spec, configOf(), 'spaces');
    expect(properties['spark.kubernetes.executor.deleteOnTermination']).toBe('false');
  });

  it('lets the number of executors follow the work if the shape does', () => {
    const fixed = driverProperties(spec, configOf(), 'spaces');
    expect(fixed['spark.executor.instances']).toBe('3');
    expect(fixed['spark.aglais.executorBounds']).toBe('3');
    // Both can be changed later, by a file in the directory that the witness sees.
    expect(fixed['spark.extraListeners']).toContain('aglais.ExecutorCount');
    expect(fixed['spark.aglais.executors']).toBe('/aglais/executors');
    const range = { ...spec, shape: { ...spec.shape, executors: { min: 1, max: 8 } } };
    const ranging = driverProperties(range, configOf(), 'spaces');
    expect(ranging).toMatchObject({
      'spark.executor.instances': '1',
      'spark.aglais.executorBounds': '1-8'
    });
    // Spark reads its own bounds once: it gets none (aglais.ExecutorBounds).
    for (const told of [fixed, ranging])
      expect(told['spark.dynamicAllocation.enabled']).toBeUndefined();
  });

  it("is overridden by the operator's properties", () => {
    const properties = { 'spark.sql.shuffle.partitions': '999' };
    const told = driverProperties(spec, configOf({ properties }), 'spaces');
    expect(told['spark.sql.shuffle.partitions']).toBe('999');
  });
});

describe('The network policy', () => {
  const rules = (network: object = {}) =>
    networkPolicy(spec, configOf({ network }), 'spaces', ownedBy(root)).spec!.ingress!;

  it('allows the pods of the cluster, kernels to Spark Connect, and the server to the witness', () => {
    const kernels = [{ podSelector: { matchLabels: { app: 'jupyter' } } }];
    const server = [{ ipBlock: { cidr: '10.0.0.5/32' } }];
    expect(rules({ kernels, server })).toEqual([
      { _from: [{ podSelector: { matchLabels: { 'aglais.org/cluster': 'm1abc' } } }] },
      { ports: [{ protocol: 'TCP', port: 15_002 }], _from: kernels },
      { ports: [{ protocol: 'TCP', port: 8_444 }], _from: server }
    ]);
  });

  it('blocks only the metadata service for drivers and executors', () => {
    const policy = (network: object) =>
      networkPolicy(spec, configOf({ network }), 'spaces', ownedBy(root)).spec!;
    expect(policy({})).toMatchObject({
      policyTypes: ['Ingress', 'Egress'],
      podSelector: { matchLabels: { 'aglais.org/cluster': 'm1abc' } }
    });
    expect(policy({}).egress).toEqual([
      {
        to: [
          { namespaceSelector: {} },
          { ipBlock: { cidr: '0.0.0.0/0', except: ['169.254.169.254/32'] } },
          { ipBlock: { cidr: '::/0', except: ['fd00:ec2::254/128'] } }
        ]
      }
    ]);
    const blocked = ['169.254.169.254/32', '100.100.100.200/32'];
    expect(policy({ blocked }).egress![0]!.to!.slice(1)).toEqual([
      { ipBlock: { cidr: '0.0.0.0/0', except: blocked } },
      { ipBlock: { cidr: '::/0' } }
    ]);
    // Left to other policies.
    expect(policy({ blocked: [] })).not.toHaveProperty('egress');
    expect(policy({ blocked: [] }).policyTypes).toEqual(['Ingress']);
    expect(() => configOf({ network: { blocked: ['metadata'] } })).toThrow(/blocked/);
  });

  it('becomes rules by which a node drops packets from a driver to the metadata service', () => {
    const address = '10.244.0.7';
    const driver = { ...pod(), status: { phase: 'Running', podIP: address } };
    const rules = ruleset({
      pods: [driver],
      namespaces: [{ metadata: { name: 'spaces' } }],
      policies: [networkPolicy(spec, configOf(), 'spaces', ownedBy(root))],
      all: '10.244.0.0/16'
    });
    const chain = /chain egress-10-244-0-7 \{([^}]*(?:\{[^}]*\}[^}]*)*?)counter drop/.exec(
      rules
    )![1]!;
    expect(chain).toContain('ip daddr 0.0.0.0/0 ip daddr != { 169.254.169.254/32 } return');
    // No other rule allows it.
    const others = chain
      .split('\n')
      .filter(line => / return$/.test(line) && !line.includes('0.0.0.0/0'));
    for (const rule of others) expect(rule).not.toContain('169.254');
    expect(rules).toContain(`ip saddr vmap { ${address} : jump egress-10-244-0-7 }`);
    expect(rules).not.toContain('::/0');
  });

  it('opens no port of Spark itself to other pods', () => {
    const open = rules().flatMap(({ ports }) => ports ?? []);
    expect(open.map(({ port }) => port)).toEqual([15_002, 8_444]);
  });
});

describe('The permissions of drivers', () => {
  it('are limited to pods of their namespace', () => {
    const { role, binding, account } = driverRights(configOf(), 'spaces');
    expect(role.rules!.flatMap(({ resources }) => resources)).toEqual(['pods']);
    const verbs = role.rules!.flatMap(rule => rule.verbs);
    expect(verbs).not.toContain('*');
    // Spark deletes pending pods only with this verb.
    expect(verbs).toContain('deletecollection');
    expect(binding.subjects).toEqual([
      { kind: 'ServiceAccount', name: 'aglais-driver', namespace: 'spaces' }
    ]);
    expect(account.automountServiceAccountToken).toBe(false);
  });
});
