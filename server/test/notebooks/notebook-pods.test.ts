import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { NotebookMemory } from '@aglais/protocol';
import { pino } from 'pino';
import { KubernetesConfig } from '../../src/launchers/kubernetes/kubernetes-config.js';
import { NotebookPods } from '../../src/notebooks/notebook-pods.js';
import { ProblemError } from '../../src/problems.js';
import { KubernetesApi, notebookPod } from './kubernetes-api.js';

const MIB = 2 ** 20;

describe('The memory of notebooks in pods', () => {
  let api: KubernetesApi;
  let pods: NotebookPods;
  let token: string;

  beforeEach(async () => {
    api = new KubernetesApi();
    const kubeConfig = await api.open();
    const notebooks = { namespace: 'hub', maxMiB: 4_096 };
    const config = KubernetesConfig.parse({ image: { name: 'x' }, notebooks });
    pods = new NotebookPods(kubeConfig, config.notebooks!, pino({ level: 'silent' }));
    token = api.add(notebookPod());
  });
  afterEach(() => api.close());

  const refusal = async (asked: Promise<unknown>): Promise<ProblemError> => {
    const error = await asked.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ProblemError);
    return error as ProblemError;
  };
  const resources = (name = 'jupyter-ada') =>
    api.pods.get(`hub/${name}`)!.spec!.containers[0]!.resources;

  it('is returned for the token of the pod, with the measurements of its Jupyter Server', async () => {
    const base = { pod: 'hub/jupyter-ada', limitMiB: 1_024, maxMiB: 4_096 };
    const nothing = { pendingMiB: null, waitingFor: null, blockedReason: null };
    expect(await pods.of(token)).toEqual({ ...base, ...nothing, usedMiB: null, oomKills: null });
    await pods.note(token, { usedMiB: 700.5, oomKills: 2 });
    expect(await pods.of(token)).toEqual({ ...base, ...nothing, usedMiB: 700.5, oomKills: 2 });
  });

  it('is raised, and reported when it is in effect, not when it was requested', async () => {
    api.kubelet = 'is slow';
    const begun = Date.now();
    const memory = await pods.raise(token, 2_048);
    expect(memory).toMatchObject({ limitMiB: 2_048, pendingMiB: null, waitingFor: null });
    expect(Date.now() - begun).toBeGreaterThan(350);
    expect(resources()).toEqual({
      requests: { cpu: '500m', memory: `${2_048 * MIB}` },
      limits: { memory: `${2_048 * MIB}` }
    });
    // The same request again changes nothing.
    const before = api.asked.filter(one => one.startsWith('PATCH')).length;
    expect(await pods.raise(token, 2_048)).toMatchObject({ limitMiB: 2_048 });
    expect(api.asked.filter(one => one.startsWith('PATCH'))).toHaveLength(before);
  });

  it('requested twice at once ends with the larger limit', async () => {
    const [first, second] = await Promise.all([pods.raise(token, 1_536), pods.raise(token, 2_048)]);
    expect([first.limitMiB, second.limitMiB]).toEqual([1_536, 2_048]);
  });

  describe('belongs to a pod', () => {
    it('for any client: a token shows and raises one pod, and no other', async () => {
      const other = api.add(notebookPod({ name: 'jupyter-eve' }));
      await pods.raise(other, 3_072);
      expect(await pods.of(token)).toMatchObject({ pod: 'hub/jupyter-ada', limitMiB: 1_024 });
      expect(await pods.of(other)).toMatchObject({ pod: 'hub/jupyter-eve', limitMiB: 3_072 });
      await pods.note(other, { usedMiB: 5, oomKills: 0 });
      expect(await pods.of(token)).toMatchObject({ usedMiB: null });
    });

    it('and needs a token of it, issued for Aglais', async () => {
      api.tokens.set('of-no-pod', { namespace: 'hub', name: '', uid: '', aud: 'aglais' });
      const forKubernetes = api.add(notebookPod(), 'https://kubernetes.default.svc');
      expect((await refusal(pods.of(''))).message).toMatch(/administrator to mount a token/);
      for (const wrong of ['nonsense', 'of-no-pod', forKubernetes]) {
        const { status, message } = await refusal(pods.raise(wrong, 2_048));
        expect(status).toBe(403);
        expect(message).toMatch(/not valid/);
      }
      expect(resources()!.limits).toEqual({ memory: '1Gi' });
    });

    it('with this UID: a pod with the same name is another one', async () => {
      expect(await pods.of(token)).toMatchObject({ limitMiB: 1_024 });
      api.add(notebookPod({ uid: 'a-later-one' }));
      const { status, message } = await refusal(pods.raise(token, 2_048));
      expect([status, message]).toEqual([
        403,
        expect.stringMatching(/another pod of the same name/)
      ]);
      api.pods.clear();
      expect((await refusal(pods.of(token))).status).toBe(403);
    });

    it('with the configured labels, container and namespace', async () => {
      const strange = notebookPod({ name: 'a-database', labels: { component: 'hub' } });
      const elsewhere = notebookPod({ name: 'jupyter-bob' });
      elsewhere.metadata!.namespace = 'another';
      const bare = notebookPod({ name: 'jupyter-sidecar-only' });
      bare.spec!.containers[0]!.name = 'sidecar';
      for (const [pod, words] of [
        [strange, /does not have the label component=singleuser-server/],
        [elsewhere, /in the namespace "hub"/],
        [bare, /no container "notebook"/]
      ] as const) {
        const { status, message } = await refusal(pods.raise(api.add(pod), 2_048));
        expect(status).toBe(403);
        expect(message).toMatch(words);
      }
      expect(api.asked.some(one => one.startsWith('PATCH') || /another/.test(one))).toBe(false);
    });
  });

  describe('is not raised, with a reason,', () => {
    const expectUnchanged = () => {
      expect(api.asked.filter(one => one.startsWith('PATCH'))).toEqual([]);
      expect(resources()!.limits).toEqual({ memory: '1Gi' });
    };

    it('beyond the configured maximum, or below the current limit', async () => {
      const most = await refusal(pods.raise(token, 4_097));
      expect([most.status, most.message]).toEqual([
        409,
        expect.stringMatching(/maximum for a notebook is 4.0 GiB/)
      ]);
      const less = await refusal(pods.raise(token, 512));
      expect([less.status, less.message]).toEqual([409, expect.stringMatching(/only be raised/)]);
      expectUnchanged();
    });

    it('if the node has no capacity: with its capacity, and the maximum that would fit', async () => {
      const others = notebookPod({ name: 'others' });
      others.spec!.containers[0]!.resources!.requests!['memory'] = '6Gi';
      api.add(others);
      const { status, message } = await refusal(pods.raise(token, 3_072));
      expect(status).toBe(409);
      // 8 GiB, of which 6.5 are requested.
      expect(message).toMatch(/has 1.5 GiB free, and this needs 2.5 GiB more. Nothing was changed/);
      expect(message).toMatch(/maximum there is 2.0 GiB now/);
      api.nodeMemory = '6912Mi';
      expect((await refusal(pods.raise(token, 1_100))).message).toMatch(
        /no free memory for this notebook/
      );
      expectUnchanged();
      api.nodeMemory = '8Gi';
      expect(await pods.raise(token, 2_048)).toMatchObject({ limitMiB: 2_048 });
    });

    it('if it would restart the container, or there is no limit', async () => {
      const restarts = notebookPod({ name: 'restarts' });
      restarts.spec!.containers[0]!.resizePolicy = [
        { resourceName: 'memory', restartPolicy: 'RestartContainer' }
      ];
      const unlimited = notebookPod({ name: 'unlimited' });
      delete unlimited.spec!.containers[0]!.resources!.limits;
      delete unlimited.status!.containerStatuses![0]!.resources!.limits;
      for (const [pod, words] of [
        [restarts, /would restart it/],
        [unlimited, /has no limit/]
      ] as const) {
        const own = api.add(pod);
        expect((await refusal(pods.raise(own, 2_048))).message).toMatch(words);
        expect((await pods.of(own)).blockedReason).toMatch(words);
      }
      expectUnchanged();
    });

    it('without the permissions', async () => {
      api.forbidden.add('/apis/authentication.k8s.io/v1/tokenreviews');
      const { status, message } = await refusal(pods.of(token));
      expect([status, message]).toEqual([403, expect.stringMatching(/rights of docs/)]);
    });

    it('while Kubernetes is unavailable', async () => {
      api.down = true;
      const { status, message } = await refusal(pods.of(token));
      expect([status, message]).toEqual([503, expect.stringMatching(/API server does not answer/)]);
    });
  });

  it('is raised without reading the node if that is not allowed', async () => {
    api.forbidden.add('/api/v1/nodes');
    expect(await pods.raise(token, 2_048)).toMatchObject({ limitMiB: 2_048 });
  });

  it('that the kubelet reports as infeasible is reverted', async () => {
    api.kubelet = 'never will';
    const { status, message } = await refusal(pods.raise(token, 2_048));
    expect([status, message]).toEqual([409, expect.stringMatching(/can never have .*didn’t have/)]);
    expect(await pods.of(token)).toMatchObject({ limitMiB: 1_024, pendingMiB: null });
    expect(resources()).toMatchObject({ requests: { memory: `${512 * MIB}` } });
  });

  it('that is deferred is reported as such, and can be cancelled', async () => {
    api.kubelet = 'defers';
    const { status, message } = await refusal(pods.raise(token, 2_048));
    expect(status).toBe(409);
    expect(message).toMatch(/still has 1.0 GiB: its node has no free memory now .*keeps trying/);
    const waiting: NotebookMemory = await pods.of(token);
    expect(waiting).toMatchObject({ limitMiB: 1_024, pendingMiB: 2_048 });
    expect(waiting.waitingFor).toMatch(/enough resource/);
    expect(await pods.raise(token, 1_024)).toMatchObject({ limitMiB: 1_024, pendingMiB: null });
  });

  it('never changes the QoS class of the pod, which would be refused', async () => {
    const pod = notebookPod({ name: 'jupyter-cpu' });
    const { resources: given } = pod.spec!.containers[0]!;
    given!.limits!['cpu'] = given!.requests!['cpu']!;
    await pods.raise(api.add(pod), 2_048);
    expect(resources('jupyter-cpu')).toMatchObject({
      requests: { memory: `${2_047 * MIB}` },
      limits: { memory: `${2_048 * MIB}` }
    });
  });
});
