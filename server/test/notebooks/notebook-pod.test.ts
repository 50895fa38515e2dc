import { describe, expect, it } from '@jest/globals';
import type { V1Pod, V1TokenReviewStatus } from '@kubernetes/client-node';
import { killedLately, podMemory } from '../../src/notebooks/notebook-pod.js';
import { PodProofs, provenPod } from '../../src/notebooks/pod-proof.js';
import { notebookPod } from './kubernetes-api.js';

/** The spec requests 2 GiB. */
function asked(status: object, conditions: object[] = []): V1Pod {
  const pod = notebookPod();
  const memory = '2Gi';
  pod.metadata!.generation = 2;
  pod.spec!.containers[0]!.resources = { requests: { memory }, limits: { memory } };
  Object.assign(pod.status!.containerStatuses![0]!, status);
  pod.status!.conditions = conditions as never;
  return pod;
}

describe('The limit of a pod', () => {
  const inForce = { resources: { limits: { memory: '2Gi' } } };
  const condition = (type: string, reason: string, observedGeneration?: number) => ({
    ...{ type, reason, status: 'True', message: `it is ${reason}`, observedGeneration }
  });

  it('is in effect when the runtime reports it, the kubelet has allocated it and no resize is in progress', () => {
    const aside = { allocatedResources: { memory: '2Gi' } };
    expect(podMemory(asked({}), 'notebook')).toMatchObject({
      ...{ limitMiB: 1_024, pendingMiB: 2_048, state: 'under-way' }
    });
    expect(podMemory(asked({ ...aside }), 'notebook')).toMatchObject({ state: 'under-way' });
    expect(podMemory(asked(inForce), 'notebook')).toMatchObject({ state: 'under-way' });
    const working = [condition('PodResizeInProgress', '')];
    expect(podMemory(asked({ ...inForce, ...aside }, working), 'notebook')).toMatchObject({
      ...{ limitMiB: 2_048, state: 'under-way' }
    });
    expect(podMemory(asked({ ...inForce, ...aside }), 'notebook')).toMatchObject({
      ...{ limitMiB: 2_048, pendingMiB: null, state: null }
    });
  });

  it('is that of the spec if the kubelet reports nothing', () => {
    const old = asked({ resources: undefined, allocatedResources: undefined });
    expect(podMemory(old, 'notebook')).toMatchObject({ limitMiB: 2_048, state: null });
  });

  it('is deferred or infeasible, according to the latest condition', () => {
    for (const [reason, state] of [
      ['Deferred', 'deferred'],
      ['Infeasible', 'infeasible']
    ] as const) {
      const now = asked({}, [condition('PodResizePending', reason, 2)]);
      expect(podMemory(now, 'notebook')).toMatchObject({ state, words: `it is ${reason}` });
      // Of an earlier request.
      const before = asked({}, [condition('PodResizePending', reason, 1)]);
      expect(podMemory(before, 'notebook')).toMatchObject({ state: 'under-way', words: null });
    }
    // Before Kubernetes 1.34 conditions do not name their generation.
    const unsaid = asked({}, [condition('PodResizePending', 'Deferred')]);
    expect(podMemory(unsaid, 'notebook')).toMatchObject({ state: 'deferred' });
  });
});

describe('A container that was OOM-killed with all its kernels', () => {
  const at = Date.parse('2026-11-21T19:00:00Z');
  const ended = (terminated: object): V1Pod => {
    const pod = notebookPod();
    const sidecar = { name: 'sidecar', ...{ image: 'i', imageID: 'i', ready: true } };
    pod.spec!.containers.unshift({ name: 'sidecar' });
    pod.status!.containerStatuses![0]!.lastState = {
      terminated: {
        ...{ exitCode: 137, reason: 'OOMKilled', finishedAt: new Date(at) },
        ...terminated
      }
    };
    pod.status!.containerStatuses!.unshift({ ...sidecar, restartCount: 0 });
    return pod;
  };

  it('is evidence about the notebook, whatever its labels and its other containers are', () => {
    expect(killedLately(ended({}), 'notebook', at + 5_000)).toMatchObject({
      at,
      pod: {
        ...{ kind: 'pod', name: 'jupyter-ada', role: 'kernel', limitMiB: 1_024, ran: true },
        ends: [{ container: 'notebook', exitCode: 137, reason: 'OOMKilled', at }]
      }
    });
  });

  it('is none if it exited otherwise, or long ago, or never', () => {
    expect(killedLately(ended({ reason: 'Error' }), 'notebook', at)).toBeNull();
    // A child was killed; the container ended later by itself.
    expect(killedLately(ended({ exitCode: 0 }), 'notebook', at)).toBeNull();
    expect(killedLately(ended({}), 'notebook', at + 3_600_000)).toBeNull();
    expect(killedLately(notebookPod(), 'notebook', at)).toBeNull();
  });
});

describe('A token', () => {
  const at = 'authentication.kubernetes.io/pod-';
  const status: V1TokenReviewStatus = {
    authenticated: true,
    audiences: ['aglais'],
    user: {
      username: 'system:serviceaccount:hub:default',
      extra: { [`${at}name`]: ['jupyter-ada'], [`${at}uid`]: ['u'] }
    }
  };
  const ada = { namespace: 'hub', name: 'jupyter-ada', uid: 'u' };

  it('identifies the pod that the API server names', () => {
    expect(provenPod(status, 'aglais')).toEqual(ada);
  });

  it('identifies no pod if it is invalid, for another audience, of a person, or bound to no pod', () => {
    const wrong: V1TokenReviewStatus[] = [
      {},
      { ...status, authenticated: false },
      { ...status, audiences: ['vault'] },
      // An API server without support for audiences.
      { authenticated: true, user: status.user! },
      { ...status, user: { ...status.user!, username: 'ada' } },
      { ...status, user: { username: 'system:serviceaccount:hub:default' } }
    ];
    for (const one of wrong) expect(provenPod(one, 'aglais')).toBeNull();
  });

  it('is reviewed once a minute, and again immediately if it identified no pod', async () => {
    let now = 0;
    const asked: string[] = [];
    const review = (token: string) => {
      asked.push(token);
      return Promise.resolve(token === 'right' ? status : { authenticated: false });
    };
    const proofs = new PodProofs(review, 'aglais', () => now);
    for (const at of [0, 59_999, 60_001]) {
      now = at;
      expect(await proofs.podOf('right')).toEqual(ada);
    }
    expect(asked).toEqual(['right', 'right']);
    for (let i = 0; i < 2; i += 1) expect(await proofs.podOf('wrong')).toBeNull();
    expect(asked).toHaveLength(4);
  });
});
