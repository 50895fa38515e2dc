import { describe, expect, it } from '@jest/globals';
import { readPod, readPodEvent } from '@aglais/diagnosis';
import { explainPodEnd } from '../../src/launchers/kubernetes/driver-pod-end.js';
import {
  driverWaitsFor,
  executorsWaitFor,
  type WatchedPod
} from '../../src/launchers/kubernetes/waiting.js';

const status = (of: object, name = 'aglais-a') =>
  readPod(
    {
      metadata: { name, uid: `uid of ${name}`, labels: { 'spark-role': 'driver' } },
      spec: {
        containers: [{ name: 'driver', resources: { limits: { memory: '1024Mi' } } }],
        ...('node' in of && { nodeName: of.node })
      },
      status: of
    },
    name
  )!;
const watched = (of: object, events: object[] = [], memoryMiB = 4_096): WatchedPod => ({
  pod: status(of),
  needs: { memoryMiB, cores: 2 },
  events: events.map(event =>
    readPodEvent({ involvedObject: { kind: 'Pod', name: 'aglais-a', uid: 'u' }, ...event }, 'e')!
  )
});
const unschedulable = (message: string) => ({
  phase: 'Pending',
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }]
});
const waitingContainer = (reason: string, message: string) => ({
  phase: 'Pending',
  node: 'n1',
  containerStatuses: [{ name: 'driver', state: { waiting: { reason, message } } }]
});
/** The message of kube-scheduler 1.34. */
const TOO_LITTLE =
  '0/3 nodes are available: 1 node(s) had untolerated taint {spark: }, 2 Insufficient memory. ' +
  'preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod.';

describe('The reason for pending executors', () => {
  it('has the requests of each and the capacity of the largest node', () => {
    const three = [1, 2, 3].map(() => watched(unschedulable(TOO_LITTLE)));
    const free = { memoryMiB: 2_150, cores: 4 };
    expect(executorsWaitFor(three, free)!.for).toBe(
      'a place for executors: needs 4.0 GiB for each of 3 executors; the largest free node has 2.1 GiB, some nodes have taints that it does not tolerate'
    );
    expect(executorsWaitFor(three, null)!.for).toContain('no node has that much free');
  });

  it('does not name a node that has enough and must not be used', () => {
    const one = [watched(unschedulable(TOO_LITTLE))];
    expect(executorsWaitFor(one, { memoryMiB: 9_000, cores: 4 })!.for).toBe(
      'a place for an executor: it needs 4.0 GiB; no node has that much free, some nodes have taints that it does not tolerate'
    );
  });

  it('is null while none of them is delayed', () => {
    expect(executorsWaitFor([], null)).toBeNull();
    expect(executorsWaitFor([watched({ phase: 'Pending', node: 'n1' })], null)).toBeNull();
  });
});

describe('The reason for a pending driver', () => {
  const words = (of: object, events: object[] = []) =>
    driverWaitsFor(watched(of, events), false, null);

  it.each<[string, object, RegExp]>([
    ['memory', unschedulable(TOO_LITTLE), /place for the driver: it needs 4.0 GiB; no node has/],
    ['CPUs', unschedulable('0/1 nodes are available: 1 Insufficient cpu.'), /2 CPUs/],
    [
      'a GPU',
      unschedulable('0/1 nodes are available: 1 Insufficient nvidia.com/gpu.'),
      /no nvidia\.com\/gpu is free/
    ],
    [
      'a claim',
      unschedulable(
        '0/1 nodes are available: persistentvolumeclaim "gaia" not found. preemption: …'
      ),
      /volume claim "gaia", which does not exist/
    ],
    [
      'an image',
      waitingContainer('ImagePullBackOff', 'Back-off pulling image "x:1"'),
      /image, which could not be pulled: ImagePullBackOff.*x:1/
    ],
    [
      'an image that may not be pulled',
      waitingContainer('ErrImageNeverPull', 'not present'),
      /ErrImageNeverPull/
    ],
    [
      'a secret',
      waitingContainer('CreateContainerConfigError', 'secret "k" not found'),
      /could not be created.*secret "k"/
    ]
  ])('may be %s, with a remedy', (_, of, expected) => {
    expect(words(of).for).toMatch(expected);
    expect(words(of).advice).toMatch(/administrator|Stop a Spark/);
  });

  it('may be a volume, which only an event reports', () => {
    const mount = {
      reason: 'FailedMount',
      message: 'MountVolume.SetUp failed for volume "share-gaia"'
    };
    expect(words({ phase: 'Pending', node: 'n1' }, [mount]).for).toMatch(
      /cannot be mounted: .*share-gaia/
    );
    // It was mounted in the end.
    const running = {
      phase: 'Running',
      node: 'n1',
      containerStatuses: [{ name: 'driver', state: { running: {} } }]
    };
    expect(words(running, [mount])).toEqual({ for: 'the driver', advice: null });
  });

  it('is the driver itself, then the tables, without a problem', () => {
    expect(driverWaitsFor(null, false, null).for).toBe('the driver');
    expect(words({ phase: 'Pending', node: 'n1' }).for).toBe("the driver's container");
    expect(driverWaitsFor(watched({ phase: 'Running', node: 'n1' }), true, null).for).toMatch(
      /tables/
    );
  });

  it('is the message of the scheduler by default', () => {
    expect(
      words(unschedulable('0/1 nodes are available: 1 node(s) were made of cheese.')).for
    ).toContain('made of cheese');
  });
});

describe('The exit of a driver', () => {
  const ended = (exitCode: number, reason: string, more: object = {}) =>
    status({
      phase: 'Failed',
      containerStatuses: [{ name: 'driver', state: { terminated: { exitCode, reason } } }],
      ...more
    });

  it.each<[string, string, RegExp]>([
    [
      'by its memory limit',
      explainPodEnd(ended(137, 'OOMKilled'), 137, ''),
      /memory limit of 1.0 GiB \(OOMKilled\)/
    ],
    ['by kill -9', explainPodEnd(ended(137, 'Error'), 137, ''), /killed \(signal 9\)/],
    [
      'out of heap',
      explainPodEnd(
        ended(3, 'Error'),
        3,
        'Terminating due to java.lang.OutOfMemoryError: Java heap space'
      ),
      /Java heap/
    ],
    [
      'with no script to write it down',
      explainPodEnd(ended(137, 'Error'), null, ''),
      /killed \(signal 9\)/
    ],
    [
      'by eviction for what it wrote itself',
      explainPodEnd(
        ended(143, 'Error', {
          reason: 'Evicted',
          message: 'Usage of EmptyDir volume "aglais" exceeds the limit "10Gi". '
        }),
        143,
        ''
      ),
      /wrote more to its disk than it may \(Usage of EmptyDir.*volumeLimits/
    ],
    [
      'by eviction',
      explainPodEnd(
        ended(143, 'Error', {
          reason: 'Evicted',
          message: 'The node was low on resource: ephemeral-storage.'
        }),
        143,
        ''
      ),
      /put the Spark driver out.*ephemeral-storage/
    ],
    ['by deletion', explainPodEnd(null, null, ''), /deleted by somebody else/]
  ])('%s is explained, with what is kept', (_, said, expected) => {
    expect(said).toMatch(expected);
    expect(said).toContain("Your notebook's variables are kept");
  });

  it('is not attributed to memory if a child was OOM-killed long before (exit code 143)', () => {
    expect(explainPodEnd(ended(143, 'OOMKilled'), 143, '')).toMatch(
      /terminated by another process/
    );
  });
});
