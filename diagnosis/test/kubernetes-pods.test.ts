import { describe, expect, it } from '@jest/globals';
import { kubernetesObjects, objectsOf } from '../src/evidence/json-objects.js';
import { quantityMiB, readPod, readPodEvent } from '../src/evidence/kubernetes-pods.js';
import { event, pod, text, UNSCHEDULABLE } from './kubernetes.js';
import { OOM } from './reader-samples.js';

function names(content: string): (string | number)[] {
  return [...objectsOf(content)].flatMap(found =>
    'problem' in found
      ? [`${found.line}: ${found.problem}`]
      : [...kubernetesObjects(found.object)].map(
          one => (one['metadata'] as { name: string }).name ?? '?'
        )
  );
}

describe('Kubernetes objects', () => {
  const one = pod({ executor: '1' });
  const two = pod({ executor: '2' });

  it('are found one by one, in a list, in a watch, on one line and on many', () => {
    const both = ['app-exec-1', 'app-exec-2'];
    expect(names(text(one, two))).toEqual(both);
    expect(names(JSON.stringify(one) + JSON.stringify(two))).toEqual(both);
    expect(names(text({ kind: 'List', items: [one, two] }))).toEqual(both);
    expect(names(text({ type: 'ADDED', object: one }, { type: 'DELETED', object: two }))).toEqual(
      both
    );
    expect(
      names(text({ kind: 'PodList', items: [{ ...one, kind: undefined }, two] }))
    ).toHaveLength(2);
  });

  it('are found after a corrupt one, which is reported with its line', () => {
    const damaged = text(one).replace('"kind": "Pod"', '"kind": "Pod');
    expect(names(`${damaged}\n${text(two)}`)).toEqual(['1: not JSON, or cut off', 'app-exec-2']);
    const cut = text(one).slice(0, 200);
    expect(names(`${cut}\n${text(two)}`)).toEqual(['1: not JSON, or cut off', 'app-exec-2']);
    const lines = text(one).split('\n').length;
    expect(names(`${text(one)}\n${cut}`)).toEqual([
      'app-exec-1',
      `${lines + 1}: not JSON, or cut off`
    ]);
  });

  it('may contain braces and quotes in strings', () => {
    const odd = pod({ message: 'taint {a: "b\\"}"} \\' });
    expect(names(text(odd, two))).toEqual(['app-exec-1', 'app-exec-2']);
  });
});

describe('a pod', () => {
  it('is mapped by its labels, with the end of its container', () => {
    expect(readPod(pod({ state: OOM, version: 7 }) as never, 'x')).toMatchObject({
      role: 'executor',
      executor: '1',
      application: 'app-1',
      version: 7,
      scheduled: true,
      ran: true,
      limitMiB: 812,
      waiting: null,
      ends: [{ exitCode: 137, reason: 'OOMKilled', at: Date.UTC(2026, 10, 20, 23, 35, 43) }]
    });
  });

  it('includes the container that ran before a restart', () => {
    const restarted = pod({ state: { running: {} }, lastState: OOM });
    expect(readPod(restarted as never, 'x')!.ends).toHaveLength(1);
  });

  it('does not include the end of a sidecar', () => {
    const withSidecar = pod() as { status: { containerStatuses: object[] } };
    withSidecar.status.containerStatuses.push({ name: 'istio-proxy', state: OOM });
    expect(readPod(withSidecar as never, 'x')!.ends).toEqual([]);
  });

  it('that is unschedulable has the reason, and so has one that waits for its image', () => {
    const nowhere = readPod(
      pod({ node: null, state: null, conditions: [UNSCHEDULABLE] }) as never,
      'x'
    )!;
    expect(nowhere).toMatchObject({ scheduled: false, ran: false });
    expect(nowhere.unschedulable).toMatchObject({ reason: 'Unschedulable' });
    const waiting = {
      waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x"' }
    };
    expect(readPod(pod({ state: waiting }) as never, 'x')!.waiting?.reason).toBe(
      'ImagePullBackOff'
    );
    const creating = { waiting: { reason: 'ContainerCreating' } };
    expect(readPod(pod({ state: creating }) as never, 'x')!.waiting).toBeNull();
  });

  it('has the limit in effect, not the original one', () => {
    const resized = pod() as { status: { containerStatuses: Record<string, unknown>[] } };
    resized.status.containerStatuses[0]!['resources'] = { limits: { memory: '1800Mi' } };
    expect(readPod(resized as never, 'x')!.limitMiB).toBe(1800);
  });

  it('has the time when its deletion was requested, not the end of its grace period', () => {
    const deleted = pod({ deletion: { timestamp: '2026-11-20T23:36:00Z', grace: 30 } });
    expect(readPod(deleted as never, 'x')!.deletedAt).toBe(Date.UTC(2026, 10, 20, 23, 35, 30));
  });

  it('has quantities in any unit of Kubernetes', () => {
    expect(quantityMiB('812Mi')).toBe(812);
    expect(quantityMiB('1Gi')).toBe(1024);
    expect(quantityMiB('1G')).toBeCloseTo(953.67, 2);
    expect(quantityMiB('1073741824')).toBe(1024);
    expect(quantityMiB('1073741824000m')).toBe(1024);
    expect(quantityMiB('1e9')).toBeCloseTo(953.67, 2);
    expect(quantityMiB('lots')).toBeNull();
  });
});

describe('an Event of Kubernetes', () => {
  it('is read in both versions of its API, if it is about a pod', () => {
    const old = event('FailedScheduling', '0/5 nodes are available: 5 Insufficient memory.');
    expect(readPodEvent(old as never, 'x')).toMatchObject({
      name: 'app-exec-1',
      reason: 'FailedScheduling',
      at: Date.UTC(2026, 10, 20, 23, 35, 30)
    });
    const recent = {
      kind: 'Event',
      regarding: { kind: 'Pod', name: 'p', uid: 'u' },
      reason: 'Evicted',
      note: 'The node was low on resource: memory.',
      eventTime: '2026-11-20T23:35:30.185551Z'
    };
    expect(readPodEvent(recent as never, 'x')).toMatchObject({
      message: 'The node was low on resource: memory.',
      uid: 'u'
    });
    const node = { kind: 'Event', involvedObject: { kind: 'Node', name: 'n' }, reason: 'Rebooted' };
    expect(readPodEvent(node as never, 'x')).toBeNull();
  });
});
