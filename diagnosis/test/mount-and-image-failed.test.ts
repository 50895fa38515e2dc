import { describe, expect, it } from '@jest/globals';
import { event, pod, UNSCHEDULABLE } from './kubernetes.js';
import { Story } from './story.js';
import { KUBERNETES, findings, ids, pods, events } from './stories-with-evidence.js';

describe('a pod that cannot start', () => {
  const mount = event(
    'FailedMount',
    'MountVolume.SetUp failed for volume "catalogue" : mount failed: exit status 32\nmount.nfs: Connection timed out',
    'app-exec-1'
  );
  const image = {
    waiting: {
      reason: 'ImagePullBackOff',
      message: 'Back-off pulling image "registry.example/spark:9": not found'
    }
  };

  it('because of a volume is reported with the volume and the message of its server', () => {
    const [finding, ...others] = findings(new Story(KUBERNETES), events(mount));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'mount-failed:application',
      severity: 'error',
      confidence: 'certain',
      title: 'Volume catalogue cannot be mounted'
    });
  });

  it('because of a volume is not reported if the pod was already being stopped', () => {
    const deletion = { timestamp: '2026-11-20T23:36:00Z', grace: 30 };
    const stopped = pods(pod({ state: null, deletion }));
    const said = 'MountVolume.SetUp failed for volume "secret" : secret "app" not found';
    const at = (time: string) => events(event('FailedMount', said, 'app-exec-1', time));
    const [before, after] = [at('2026-11-20T23:35:29Z'), at('2026-11-20T23:35:30Z')];
    expect(ids(new Story(KUBERNETES), stopped, after)).toEqual([]);
    expect(ids(new Story(KUBERNETES), after, stopped, before)).toEqual([
      'mount-failed:application error certain'
    ]);
  });

  it('because of a missing claim is reported with the claim: a smaller pod would not be scheduled either', () => {
    const preemption =
      'preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.';
    for (const [words, title] of [
      [
        'persistentvolumeclaim "gaia-dr3" not found. not found',
        'Volume claim gaia-dr3 does not exist'
      ],
      [
        'pod has unbound immediate PersistentVolumeClaims.',
        'A volume claim is not bound to a volume yet'
      ]
    ]) {
      const message = `0/1 nodes are available: ${words} ${preemption}`;
      const condition = { ...UNSCHEDULABLE, message };
      const nowhere = pod({ role: 'driver', node: null, state: null, conditions: [condition] });
      for (const told of [pods(nowhere), events(event('FailedScheduling', message))]) {
        const [finding, ...others] = findings(new Story(KUBERNETES), told);
        expect(others).toEqual([]);
        expect(finding).toMatchObject({ id: 'mount-failed:application', severity: 'error', title });
      }
    }
  });

  it('because of an image is reported with the image', () => {
    const [finding, ...others] = findings(new Story(KUBERNETES), pods(pod({ state: image })));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'image-failed:application',
      title: 'The image registry.example/spark:9 could not be pulled'
    });
    const failed = event('Failed', 'Failed to pull image "x": not found', 'app-exec-1');
    expect(ids(new Story(KUBERNETES), events(failed))).toEqual([
      'image-failed:application error certain'
    ]);
  });

  it('is not reported if it started after all, in any order of arrival', () => {
    const started = event('Started', 'Started container spark-kubernetes-executor', 'app-exec-1');
    for (const all of [
      [mount, started],
      [started, mount]
    ]) {
      expect(ids(new Story(KUBERNETES), events(...all))).toEqual([]);
    }
    expect(ids(new Story(KUBERNETES), pods(pod({ state: image }), pod({ version: 2 })))).toEqual(
      []
    );
    expect(ids(new Story(KUBERNETES), pods(pod({ version: 2 }), pod({ state: image })))).toEqual(
      []
    );
  });
});
