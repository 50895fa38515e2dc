import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  POD_TOKEN_HEADER,
  type KernelDeath,
  type NotebookMemory,
  type LocatedFinding,
  type Problem
} from '@aglais/protocol';
import { CoreV1Api, KubeConfig, type V1Pod } from '@kubernetes/client-node';
import { pino } from 'pino';
import { stringify } from 'yaml';
import { ClusterApi } from '../../src/launchers/kubernetes/api/cluster-api.js';
import { KubernetesConfig } from '../../src/launchers/kubernetes/kubernetes-config.js';
import { NotebookPods } from '../../src/notebooks/notebook-pods.js';
import {
  eventually,
  PATIENCE_MS,
  serve,
  temporaryDirectory,
  type Answer,
  type TestServer
} from '../support/server.js';
import { execute, serverAccount } from './testbed-setting.js';

const PYTHON_PART = resolve(import.meta.dirname, '../../../extension/aglais/cgroup.py');
/** More than the first limit and less than the second, MiB. */
const ALLOCATED_MIB = 400;
const [BEFORE_MIB, AFTER_MIB] = [256, 768];

/** Like a kernel of a Jupyter Server: a child process, whose end it sees. */
const KERNEL = `
import json, subprocess, sys, time
sys.path.insert(0, "/aglais-python")
from cgroup import read_cgroup
before = read_cgroup()
print(json.dumps([before.used_mib, before.oom_kills]), flush=True)
child = subprocess.run(
    [sys.executable, "-c", 'x = b"1" * (${ALLOCATED_MIB} << 20); print(len(x) >> 20)'],
    stdout=subprocess.PIPE,
)
after = read_cgroup()
print(json.dumps({
    "code": child.returncode, "said": child.stdout.decode().strip(), "at": int(time.time() * 1000),
    "killed": after.oom_kills - before.oom_kills, "limit": after.limit_mib,
    "quote": after.quote, "ref": after.ref,
}))
`;

/** The container's first process; on request it allocates more than its limit, and the container ends with it. */
const MAIN = `
import os, time
held = []
while True:
    if os.path.exists("/tmp/eat"):
        held.append(bytearray(b"x" * (32 << 20)))
    else:
        time.sleep(0.1)
`;

interface KernelRun {
  code: number;
  said: string;
  at: number;
  killed: number;
  limit: number;
  quote: string;
  ref: string;
}

describe('The memory of a notebook in a pod', () => {
  const directory = temporaryDirectory();
  const suffix = randomBytes(4).toString('hex');
  const clusters = `aglais-notebook-clusters-${suffix}`;
  const hub = `aglais-notebooks-${suffix}`;
  const admin = new KubeConfig();
  const image = process.env.AGLAIS_SPARK_IMAGE ?? '';
  let core: CoreV1Api;
  let account: Awaited<ReturnType<typeof serverAccount>>;
  let server: TestServer;
  let token: string;

  beforeAll(async () => {
    admin.loadFromFile(process.env.AGLAIS_KUBECONFIG ?? '');
    core = admin.makeApiClient(CoreV1Api);
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    for (const name of [clusters, hub])
      await core.createNamespace({ body: { metadata: { name, labels } } });
    account = await serverAccount(admin, clusters, { notebooks: hub });
    const kubeconfig = join(directory.path, 'kubeconfig');
    writeFileSync(kubeconfig, account.kubeConfig.exportConfig());
    const config = {
      namespace: clusters,
      connection: { kubeconfig },
      image: { name: image, pullPolicy: 'IfNotPresent' },
      driver: { cpu: { request: '100m' } },
      executor: { cpuPerCore: 0.1 },
      stopSeconds: 10,
      notebooks: { namespace: hub, maxMiB: 4_000_000 }
    };
    await new ClusterApi(admin, KubernetesConfig.parse(config)).prepare(clusters);
    mkdirSync(join(directory.path, 'catalogues'), { recursive: true });
    writeFileSync(join(directory.path, 'kubernetes.yaml'), stringify(config));
    await core.createNamespacedConfigMap({
      namespace: hub,
      body: {
        metadata: { name: 'python' },
        data: { 'cgroup.py': readFileSync(PYTHON_PART, 'utf8') }
      }
    });
    server = await serve(directory.path, {
      AGLAIS_LAUNCHER: 'kubernetes',
      AGLAIS_KUBERNETES: join(directory.path, 'kubernetes.yaml')
    });
    await Promise.all(['jupyter-ada', 'jupyter-eve'].map(notebook));
    token = await tokenOf('jupyter-ada');
  }, PATIENCE_MS);

  afterAll(async () => {
    await server?.close();
    await account?.remove();
    for (const name of [clusters, hub]) await core.deleteNamespace({ name });
    directory.remove();
  }, PATIENCE_MS);

  /** As KubeSpawner creates them, with the token from the documentation; and one of another application. */
  async function notebook(name: string): Promise<void> {
    const projected = (audience: string, path: string) => ({
      serviceAccountToken: { audience, path, expirationSeconds: 3_600 }
    });
    await core.createNamespacedPod({
      namespace: hub,
      body: {
        metadata: { name, labels: { component: 'singleuser-server' } },
        spec: {
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 0,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 1_000,
            seccompProfile: { type: 'RuntimeDefault' }
          },
          containers: [
            {
              name: 'notebook',
              image,
              imagePullPolicy: 'IfNotPresent',
              command: ['python3', '-c', MAIN],
              resources: {
                requests: { cpu: '20m', memory: '64Mi' },
                limits: { memory: `${BEFORE_MIB}Mi` }
              },
              securityContext: {
                allowPrivilegeEscalation: false,
                capabilities: { drop: ['ALL'] }
              },
              volumeMounts: [
                { name: 'aglais', mountPath: '/var/run/secrets/aglais.org', readOnly: true },
                { name: 'python', mountPath: '/aglais-python', readOnly: true }
              ]
            }
          ],
          volumes: [
            {
              name: 'aglais',
              projected: { sources: [projected('aglais', 'token'), projected('vault', 'vault')] }
            },
            { name: 'python', configMap: { name: 'python' } }
          ]
        }
      }
    });
    await eventually(`${name} runs`, async () => (await pod(name)).status?.phase === 'Running');
  }

  const pod = (name: string): Promise<V1Pod> => core.readNamespacedPod({ name, namespace: hub });
  const inside = (name: string, ...command: string[]) =>
    execute(admin, hub, name, 'notebook', command);
  const tokenOf = async (name: string, file = 'token') =>
    (await inside(name, 'cat', `/var/run/secrets/aglais.org/${file}`)).trim();
  const container = async (name = 'jupyter-ada') => {
    const { containerID, restartCount } = (await pod(name)).status!.containerStatuses![0]!;
    return { containerID, restartCount };
  };
  const specified = async (name = 'jupyter-ada') =>
    (await pod(name)).spec!.containers[0]!.resources;

  /** As the browser does through its Jupyter Server, which adds the token. */
  async function ask<T>(proof: string, memoryMiB?: number): Promise<Answer<T>> {
    const response = await fetch(`${server.browser.url}/api/v1/notebook-memory`, {
      method: memoryMiB === undefined ? 'GET' : 'POST',
      headers: {
        Authorization: `Bearer ${server.browser.token}`,
        'Content-Type': 'application/json',
        [POD_TOKEN_HEADER]: proof
      },
      ...(memoryMiB !== undefined && { body: JSON.stringify({ memoryMiB }) })
    });
    return { status: response.status, type: '', body: (await response.json()) as T };
  }

  async function runKernel(): Promise<{ before: [number, number]; run: KernelRun }> {
    const printed = await inside('jupyter-ada', 'python3', '-c', KERNEL);
    const [before, run] = printed.trim().split('\n');
    return { before: JSON.parse(before!) as [number, number], run: JSON.parse(run!) as KernelRun };
  }

  it('is identified by the token of the pod alone, and each token shows its own', async () => {
    const { status, body } = await ask<NotebookMemory>(token);
    expect([status, body]).toEqual([
      200,
      {
        pod: `${hub}/jupyter-ada`,
        limitMiB: BEFORE_MIB,
        ...{ usedMiB: null, oomKills: null, maxMiB: 4_000_000 },
        ...{ pendingMiB: null, waitingFor: null, blockedReason: null }
      }
    ]);
    const eve = await tokenOf('jupyter-eve');
    expect((await ask<NotebookMemory>(eve)).body.pod).toBe(`${hub}/jupyter-eve`);
    for (const wrong of ['', 'nonsense', await tokenOf('jupyter-ada', 'vault')]) {
      const refused = await ask<Problem>(wrong, AFTER_MIB);
      expect(refused.status).toBe(403);
      expect(refused.body.type).toBe('urn:aglais:problem:no-proof');
    }
    // A token that is not bound to a pod, but of the same account.
    const unbound = await core.createNamespacedServiceAccountToken({
      ...{ namespace: hub, name: 'default' },
      body: { spec: { audiences: ['aglais'], expirationSeconds: 600 } }
    });
    expect((await ask<Problem>(unbound.status!.token!, AFTER_MIB)).status).toBe(403);
    expect((await specified())!.limits).toEqual({ memory: `${BEFORE_MIB}Mi` });
  });

  it('is not raised beyond the capacity of its node: refused immediately, with what fits', async () => {
    const begun = Date.now();
    const { status, body } = await ask<Problem>(token, 2_000_000);
    expect(Date.now() - begun).toBeLessThan(10_000);
    expect(status).toBe(409);
    console.log(body.detail);
    expect(body.detail).toMatch(
      /The node of this notebook has [\d.]+ GiB free.*Nothing was changed/
    );
    expect(await specified()).toEqual({
      requests: { cpu: '20m', memory: '64Mi' },
      limits: { memory: `${BEFORE_MIB}Mi` }
    });
  });

  it(
    "that its kubelet refuses, if the server may not read nodes, is reverted, with the kubelet's message",
    async () => {
      const name = 'aglais-blind';
      const blind = await serverAccount(admin, clusters, { notebooks: hub, blind: true, name });
      const { notebooks } = KubernetesConfig.parse({
        image: { name: image },
        notebooks: { namespace: hub, maxMiB: 4_000_000 }
      });
      const pods = new NotebookPods(blind.kubeConfig, notebooks!, pino({ level: 'silent' }));
      const eve = await tokenOf('jupyter-eve');
      const refused = await pods.raise(eve, 2_000_000).catch((error: unknown) => error as Error);
      await blind.remove();
      console.log((refused as Error).message);
      expect((refused as Error).message).toMatch(
        /can never have that much memory for it \(.*memory/
      );
      await eventually('the old limit', async () => {
        const { body } = await ask<NotebookMemory>(eve);
        return body.limitMiB === BEFORE_MIB && body.pendingMiB === null;
      });
      expect(Number((await specified('jupyter-eve'))!.limits!['memory'])).toBe(
        BEFORE_MIB * 2 ** 20
      );
    },
    PATIENCE_MS
  );

  it(
    'is raised for a kernel that was OOM-killed: the same allocation succeeds in the same container',
    async () => {
      const asked = await server.user.request('kernel-of-ada');
      const { id } = await server.user.until(asked.id, 'ready');
      const report = { cell: 'cell-1', run: 1, outcome: 'running', at: Date.now() };
      await server.user.post(`/clusters/${id}/cell-runs`, report);
      const same = await container();

      const { before, run: killed } = await runKernel();
      expect(killed).toMatchObject({ code: -9, said: '', killed: 1, limit: BEFORE_MIB });
      const reading = await fetch(`${server.user.url}/api/v1/notebook-memory/reading`, {
        method: 'PUT',
        headers: {
          Authorization: `Bearer ${server.user.token}`,
          'Content-Type': 'application/json',
          [POD_TOKEN_HEADER]: token
        },
        body: JSON.stringify({ usedMiB: before[0], oomKills: before[1] + killed.killed })
      });
      expect(reading.status).toBe(204);
      const { body: seen } = await ask<NotebookMemory>(token);
      expect(seen).toMatchObject({ limitMiB: BEFORE_MIB, usedMiB: before[0], oomKills: 1 });
      expect(seen.usedMiB).toBeGreaterThan(0);
      expect(seen.usedMiB).toBeLessThan(BEFORE_MIB);

      const { code: exitCode, at, limit: limitMiB, quote, ref } = killed;
      const memory = { oomKills: killed.killed, limitMiB, quote, ref };
      const death: KernelDeath = { kernel: 'kernel-of-ada', at, exitCode, memory };
      await server.user.post('/jupyter-servers/jupyter-ada-8888/kernel-deaths', death);
      const found = await eventually('the finding', async () => {
        const { body } = await server.user.get<{ findings: LocatedFinding[] }>('/findings');
        return body.findings.find(({ finding }) => finding.code === 'kernel-oom-killed');
      });
      expect(found).toMatchObject({
        ...{ cluster: id, kernel: 'kernel-of-ada' },
        finding: { confidence: 'certain', subject: { cell: 'cell-1', run: 1 } }
      });
      const advice = found.finding.advice[0]!;
      expect(advice).toMatchObject({ action: 'notebook-memory', memoryMiB: 2 * BEFORE_MIB });

      const begun = Date.now();
      const raised = await ask<NotebookMemory>(token, AFTER_MIB);
      console.log(`${BEFORE_MIB} → ${AFTER_MIB} MiB in force after ${Date.now() - begun} ms`);
      expect([raised.status, raised.body]).toMatchObject([
        200,
        { limitMiB: AFTER_MIB, pendingMiB: null, waitingFor: null }
      ]);
      // Not what was requested, but what the container has.
      const { run: passed } = await runKernel();
      expect(passed).toMatchObject({
        ...{ code: 0, said: String(ALLOCATED_MIB), killed: 0, limit: AFTER_MIB }
      });
      expect(await container()).toEqual(same);
      expect(same.restartCount).toBe(0);
      const { requests, limits } = (await specified())!;
      const bytes = String(AFTER_MIB * 2 ** 20);
      expect([requests!['memory'], limits!['memory']].map(Number)).toEqual([
        Number(bytes),
        Number(bytes)
      ]);
      // Eve's limit is unchanged.
      const eve = await ask<NotebookMemory>(await tokenOf('jupyter-eve'));
      expect(eve.body.limitMiB).toBe(BEFORE_MIB);
    },
    2 * PATIENCE_MS
  );

  it(
    'whose whole container was killed is reported from the pod, under the clusters of its kernels',
    async () => {
      const { body } = await server.user.get<{ clusters: { id: string; kernel: string }[] }>(
        '/clusters'
      );
      const { id } = body.clusters.find(({ kernel }) => kernel === 'kernel-of-ada')!;
      const report = (proof: string, kernels: object[]) =>
        fetch(`${server.user.url}/api/v1/jupyter-servers/jupyter-ada-8888/kernels`, {
          method: 'PUT',
          headers: {
            Authorization: `Bearer ${server.user.token}`,
            'Content-Type': 'application/json',
            [POD_TOKEN_HEADER]: proof
          },
          body: JSON.stringify({ kernels })
        });
      await report(token, [{ id: 'kernel-of-ada', notebook: 'ada.ipynb' }]);
      await inside('jupyter-ada', 'touch', '/tmp/eat');
      await eventually('the container, started again', async () => {
        const status = (await pod('jupyter-ada')).status!.containerStatuses![0]!;
        return status.restartCount === 1 && status.state?.running;
      });
      // The new Jupyter Server has no kernels yet, and the token of the same pod.
      expect((await report(await tokenOf('jupyter-ada'), [])).status).toBe(204);
      const found = await eventually('the finding', async () => {
        const { body } = await server.user.get<{ findings: LocatedFinding[] }>('/findings');
        return body.findings.find(
          ({ finding }) =>
            finding.code === 'kernel-oom-killed' && finding.subject.pod === 'jupyter-ada'
        );
      });
      expect(found).toMatchObject({ cluster: id, finding: { confidence: 'certain' } });
      expect(found.finding.evidence.map(({ quote }) => quote).join()).toMatch(/OOMKilled/);
      await server.user.until(id, 'stopped');
      // A kernel that started afterwards and is shut down by its user was not killed.
      const later = await server.user.request('later-kernel-of-ada');
      const proof = await tokenOf('jupyter-ada');
      await report(proof, [{ id: 'later-kernel-of-ada', notebook: 'ada.ipynb' }]);
      await report(proof, []);
      await server.user.until(later.id, 'stopped');
      const { body: all } = await server.user.get<{ findings: LocatedFinding[] }>('/findings');
      expect(all.findings.filter(({ cluster }) => cluster === later.id)).toEqual([]);
      // The pod keeps its raised limit.
      expect((await ask<NotebookMemory>(token)).body.limitMiB).toBe(AFTER_MIB);
    },
    2 * PATIENCE_MS
  );

  it('is not accessible when the pod is gone, although the token has not expired', async () => {
    const eve = await tokenOf('jupyter-eve');
    expect((await ask(eve)).status).toBe(200);
    await core.deleteNamespacedPod({ name: 'jupyter-eve', namespace: hub });
    await eventually('the end of the pod', async () => (await ask(eve)).status === 403);
  });
});
