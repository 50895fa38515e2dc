import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CoreV1Api, type KubeConfig, type V1Pod } from '@kubernetes/client-node';
import { pino } from 'pino';
import {
  testCertificate,
  type TestCertificate
} from '../../../witness/test/support/certificate.js';
import {
  KubernetesEvidence,
  type Witness
} from '../../src/launchers/kubernetes/evidence/kubernetes-evidence.js';
import { eventually, temporaryDirectory } from '../support/server.js';
import { testCluster, testNamespace, type TestNamespace } from './api-server.js';

const PATIENCE_MS = 120_000;
/** Much longer than anything here takes: waiting for it fails the test. */
const GRACE_S = 100;
const checkout = resolve(import.meta.dirname, '../../..');
const log = pino({ level: 'silent' });

/** Writes like a driver; exits right after its last line. */
const DRIVER = `cd /aglais; mkdir eventlog; i=0
echo 15003 > ready.part; mv ready.part ready
while [ $i -lt 40 ]; do
  i=$((i+1)); echo "{\\"line\\":$i}" >> live.jsonl; echo "log $i" >> driver.log; sleep 0.1
done
cp live.jsonl eventlog/app
echo "last words" >> driver.log; exit 137`;

describe('The witness in a real pod', () => {
  let kubeConfig: KubeConfig;
  let image: string;
  let api: CoreV1Api;
  let namespace: TestNamespace;
  let identity: TestCertificate;

  beforeAll(async () => {
    ({ kubeConfig, image } = testCluster());
    api = kubeConfig.makeApiClient(CoreV1Api);
    namespace = await testNamespace(api);
    identity = testCertificate();
    // This checkout's, whatever the image contains.
    const built = mkdtempSync(join(tmpdir(), 'aglais-witness-built-'));
    execFileSync(join(checkout, 'node_modules', '.bin', 'tsc'), [
      '-p',
      join(checkout, 'witness'),
      '--outDir',
      built,
      '--typeRoots',
      join(checkout, 'node_modules', '@types')
    ]);
    const programs = readdirSync(built).filter(name => name.endsWith('.js'));
    const data = Object.fromEntries(
      programs.map(name => [name, readFileSync(join(built, name), 'utf8')])
    );
    rmSync(built, { recursive: true });
    await api.createNamespacedConfigMap({
      namespace: namespace.name,
      body: { metadata: { name: 'witness' }, data }
    });
    await api.createNamespacedSecret({
      namespace: namespace.name,
      body: {
        metadata: { name: 'secret' },
        stringData: {
          'tls.key': identity.key,
          'tls.crt': identity.certificate,
          'witness-token': 'token'
        }
      }
    });
  }, PATIENCE_MS);
  afterAll(() => namespace.remove(), PATIENCE_MS);

  function pod(name: string): V1Pod {
    const security = {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] }
    };
    const aglais = { name: 'aglais', mountPath: '/aglais' };
    return {
      metadata: { name },
      spec: {
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: GRACE_S,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 185,
          runAsGroup: 185,
          fsGroup: 185,
          seccompProfile: { type: 'RuntimeDefault' }
        },
        initContainers: [
          {
            name: 'witness',
            image,
            restartPolicy: 'Always',
            securityContext: security,
            command: ['/opt/aglais/node/bin/node', '/witness/witness.js'],
            env: Object.entries({
              AGLAIS_DIRECTORY: '/aglais',
              AGLAIS_SECRET: '/aglais-secret',
              AGLAIS_CONNECT_PORT: '15002',
              AGLAIS_SPARK_PORT: '15003',
              AGLAIS_WITNESS_PORT: '8444'
            }).map(([key, value]) => ({ name: key, value })),
            startupProbe: {
              httpGet: { path: '/healthz', port: 8444, scheme: 'HTTPS' },
              periodSeconds: 1,
              failureThreshold: 60
            },
            volumeMounts: [
              aglais,
              { name: 'witness', mountPath: '/witness' },
              { name: 'secret', mountPath: '/aglais-secret' }
            ]
          }
        ],
        containers: [
          {
            name: 'driver',
            image,
            securityContext: security,
            command: ['/bin/sh', '-c', DRIVER],
            volumeMounts: [aglais]
          }
        ],
        volumes: [
          { name: 'aglais', emptyDir: {} },
          { name: 'witness', configMap: { name: 'witness' } },
          { name: 'secret', secret: { secretName: 'secret' } }
        ]
      }
    };
  }

  it.each([
    ['by its address', false],
    ['through the proxy of the API server', true]
  ])(
    'serves everything that the driver wrote, to its last line, and then exits (%s)',
    async (_how, proxy) => {
      const place = temporaryDirectory();
      const evidence = new KubernetesEvidence({ directory: place.path, log });
      const name = proxy ? 'by-proxy' : 'by-address';
      const local = (path: string) => readFileSync(join(place.path, 'c1', path), 'utf8');
      const read = () => api.readNamespacedPod({ namespace: namespace.name, name });
      await api.createNamespacedPod({ namespace: namespace.name, body: pod(name) });
      const ip = await eventually(
        'an address',
        async () => (await read()).status?.podIP,
        PATIENCE_MS
      );
      const way = `/api/v1/namespaces/${namespace.name}/pods/https:${name}:8444/proxy`;
      const witness: Witness = {
        url: proxy ? kubeConfig.getCurrentCluster()!.server + way : `https://${ip}:8444`,
        token: 'token',
        ca: identity.certificate,
        ...(proxy && { via: kubeConfig })
      };
      evidence.mirror('c1', witness);
      await eventually('ready', () => evidence.ready('c1'), PATIENCE_MS);
      expect(await evidence.ready('c1')).toEqual({ port: 15003, problems: [] });
      const dead = await eventually(
        'the death of the driver',
        async () =>
          (await read()).status?.containerStatuses?.find(one => one.state?.terminated)?.state,
        PATIENCE_MS
      );
      expect(dead.terminated?.exitCode).toBe(137);
      const at = Date.now();
      await evidence.ended('c1');
      const lines = Array.from({ length: 40 }, (_, index) => index + 1);
      const events = lines.map(line => `{"line":${line}}\n`).join('');
      expect(local('live.jsonl')).toBe(events);
      expect(local('eventlog/app')).toBe(events);
      expect(local('driver.log')).toBe(
        `${lines.map(line => `log ${line}\n`).join('')}last words\n`
      );
      await eventually(
        'the end of the pod',
        async () => (await read()).status?.phase === 'Failed',
        PATIENCE_MS
      );
      expect(Date.now() - at).toBeLessThan((GRACE_S * 1000) / 2);
      await evidence.close();
      place.remove();
    },
    3 * PATIENCE_MS
  );
});
