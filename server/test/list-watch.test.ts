import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KubeConfig } from '@kubernetes/client-node';
import fc from 'fast-check';
import { pino } from 'pino';
import { retryAfterMs } from '../src/launchers/kubernetes/api/api-request.js';
import { backOff } from '../src/back-off.js';
import { ListWatch, type WatchTimes } from '../src/launchers/kubernetes/api/list-watch.js';
import { ApiServer, type Accident, type Thing } from './support/api-server.js';
import { eventually } from './support/server.js';

const log = pino({ level: 'silent' });
const QUICK: Partial<WatchTimes> = { backOff: { firstMs: 1, longestMs: 20 } };
/** More than this is a hang. */
const SOON_MS = 15_000;

describe('A list-watch', () => {
  let api: ApiServer;
  let kubeConfig: KubeConfig;
  let watch: ListWatch<Thing>;
  let told: string[];

  const say = (verb: string) => (object: Thing) =>
    void told.push(`${verb} ${object.metadata!.uid} ${object.status!.phase}`);

  async function begin(times: Partial<WatchTimes> = QUICK): Promise<void> {
    watch = new ListWatch<Thing>({
      kubeConfig,
      path: '/api/v1/namespaces/x/pods',
      labelSelector: 'a=b',
      log,
      times,
      onChange: say('has'),
      onDelete: say('lost'),
      onSynced: () => void told.push('synced')
    });
    await watch.open();
  }

  const versions = () =>
    new Map([...watch.items].map(([uid, { metadata }]) => [uid, metadata!.resourceVersion!]));
  const same = () => sameMaps(versions(), api.truth);
  const agreed = () => eventually('the same as the server has', same, SOON_MS);
  const watching = () => eventually('a watch', () => api.openWatches === 1, SOON_MS);

  beforeEach(async () => {
    api = new ApiServer();
    kubeConfig = await api.open();
    told = [];
  });
  afterEach(async () => {
    await watch.close();
    await api.close();
  });

  it('has everything once it is open, also with several pages', async () => {
    for (const uid of ['a', 'b', 'c', 'd', 'e']) api.put(uid, 'Running');
    await begin();
    expect(versions()).toEqual(api.truth);
    expect(told).toEqual([...'abcde'].map(uid => `has ${uid} Running`).concat('synced'));
    expect(api.requests[0]!.query.get('labelSelector')).toBe('a=b');
    expect(api.lists).toBe(3);
  });

  it('reports new, changed and deleted objects', async () => {
    await begin();
    await watching();
    api.put('a', 'Pending');
    api.put('a', 'Running');
    api.delete('a');
    await eventually('the deletion', () => told.at(-1)?.startsWith('lost'), SOON_MS);
    expect(told).toEqual(['synced', 'has a Pending', 'has a Running', 'lost a Running']);
    expect(watch.items.size).toBe(0);
  });

  it('resumes from the last version when the connection is cut, without listing', async () => {
    api.put('a', 'Running');
    await begin();
    await watching();
    api.cutWatches();
    api.put('a', 'Failed');
    api.delete('a');
    await eventually('the deletion', () => told.at(-1)?.startsWith('lost'), SOON_MS);
    expect(told).toContain('has a Failed');
    expect(api.lists).toBe(1);
  });

  it('resumes from a bookmark without other changes', async () => {
    await begin();
    await watching();
    api.bookmark();
    await eventually('the bookmark', () => watch.traffic.lines === 1, SOON_MS);
    api.forget();
    api.cutWatches();
    await eventually('another watch', () => watch.traffic.watches === 2, SOON_MS);
    await watching();
    expect(api.lists).toBe(1);
  });

  it('processes a truncated line when it arrives again, once', async () => {
    await begin();
    await watching();
    api.accidents = ['cut-in-line'];
    api.put('a', 'Running');
    await agreed();
    expect(told).toEqual(['synced', 'has a Running']);
  });

  it.each(['gone', 'gone-inside'] as const)(
    'lists when its version has expired (%s), and reports the last known version of deleted objects',
    async accident => {
      api.put('a', 'Running');
      api.put('b', 'Running');
      await begin();
      await watching();
      api.accidents = [accident];
      api.cutWatches();
      api.put('b', 'Failed');
      api.delete('a');
      api.forget();
      await agreed();
      expect(told.slice(3)).toEqual(['lost a Running', 'has b Failed', 'synced']);
    }
  );

  it('distinguishes pods with the same name and different UIDs', async () => {
    api.put('uid-1', 'Running', 'exec-1');
    await begin();
    await watching();
    api.cutWatches();
    api.delete('uid-1');
    api.put('uid-2', 'Running', 'exec-1');
    api.forget();
    await agreed();
    expect([...watch.items.keys()]).toEqual(['uid-2']);
    expect(told).toContain('lost uid-1 Running');
  });

  it.each(['refuse', 'cut-at-once', 'error-inside', 'rubbish', 'end'] as const)(
    'survives it (%s) repeatedly, with pauses',
    async accident => {
      await begin();
      await watching();
      api.accidents = Array<Accident>(12).fill(accident);
      api.cutWatches();
      api.put('a', 'Failed');
      await agreed();
      await eventually('the end of the accidents', () => api.accidents.length === 0, SOON_MS);
      await watching();
      expect(told).toContain('has a Failed');
    }
  );

  it('opens although the API server is not reachable yet', async () => {
    api.accidents = ['refuse', 'cut-at-once', 'refuse'];
    api.put('a', 'Running');
    await begin();
    expect(versions()).toEqual(api.truth);
  });

  it('waits as long as a busy server requests', async () => {
    await begin();
    await watching();
    api.accidents = ['too-many'];
    api.cutWatches();
    await eventually('the attempt after it', () => api.requests.length >= 4, SOON_MS);
    const [refused, next] = api.requests.slice(-2);
    expect(next!.at - refused!.at).toBeGreaterThanOrEqual(1000);
    expect(api.lists).toBe(1);
  });

  it('does not loop tightly when a server ends each watch immediately', async () => {
    await begin({ backOff: { firstMs: 20, longestMs: 1_000 } });
    await watching();
    api.accidents = Array<Accident>(1_000).fill('end');
    api.endWatches();
    await sleep(500);
    expect(api.requests.length).toBeLessThan(12);
  });

  it('treats silence as a dead connection, and resumes', async () => {
    await begin({ ...QUICK, silenceMs: 150 });
    await watching();
    await eventually('another watch', () => watch.traffic.watches >= 3, SOON_MS);
    api.put('a', 'Failed');
    await agreed();
    expect(api.lists).toBe(1);
    expect(watch.traffic.failures).toBe(0);
  });

  it('ends a watch that the server does not end', async () => {
    await begin({ ...QUICK, watchMs: 100, graceMs: 50 });
    // Bookmarks continue: silence does not end it.
    const ticking = setInterval(() => api.bookmark(), 20);
    try {
      await eventually('another watch', () => watch.traffic.watches >= 3, SOON_MS);
    } finally {
      clearInterval(ticking);
    }
    expect(api.requests.at(-1)!.query.get('timeoutSeconds')).toBe('1');
  });

  it('lists periodically, whatever the watch reports', async () => {
    await begin({ ...QUICK, relistMs: 50, watchMs: 100, graceMs: 0 });
    await eventually('another list', () => api.lists >= 3, SOON_MS);
  });

  it('continues when a listener throws', async () => {
    await begin();
    await watching();
    told.push = () => {
      throw new Error('a listener fails');
    };
    api.put('a', 'Running');
    api.put('b', 'Running');
    await agreed();
  });

  it('fails to open when it is closed before, and sends no more requests', async () => {
    api.accidents = Array<Accident>(1_000).fill('refuse');
    const opening = begin();
    await eventually('an attempt', () => api.requests.length > 0, SOON_MS);
    await watch.close();
    await expect(opening).rejects.toThrow('closed before');
    const asked = api.requests.length;
    await sleep(200);
    // One may have been in progress.
    expect(api.requests.length).toBeLessThanOrEqual(asked + 1);
  });
});

describe('A list-watch on a hanging connection', () => {
  it('reports the missed exit when the connection works again', async () => {
    const api = new ApiServer();
    const kubeConfig = await api.open();
    const way = await openWay(Number(new URL(kubeConfig.getCurrentCluster()!.server).port));
    const there = new KubeConfig();
    there.loadFromClusterAndUser(
      { name: 'way', server: `http://127.0.0.1:${way.port}`, skipTLSVerify: true },
      { name: 'test', token: 'secret' }
    );
    const phases: string[] = [];
    const watch = new ListWatch<Thing>({
      kubeConfig: there,
      path: '/api/v1/pods',
      log,
      times: { ...QUICK, silenceMs: 200, requestMs: 300 },
      onChange: ({ status }) => void phases.push(status!.phase)
    });
    api.put('a', 'Running');
    await watch.open();
    way.hang(true);
    api.put('a', 'Failed');
    await sleep(1_000);
    expect(phases).toEqual(['Running']);
    way.hang(false);
    await eventually('the death', () => phases.includes('Failed'), SOON_MS);
    await watch.close();
    way.close();
    await api.close();
  });
});

describe('Any interleaving of changes and failures', () => {
  const uid = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('run' as const), uid }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('fail' as const), uid }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), uid }) },
    fc.record({
      do: fc.constantFrom('cut', 'end', 'forget', 'bookmark', 'wait'),
      uid
    }),
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('accident' as const),
        uid,
        accident: fc.constantFrom<Accident>(
          'refuse',
          'gone',
          'gone-inside',
          'error-inside',
          'cut-at-once',
          'cut-in-line',
          'rubbish',
          'end'
        )
      })
    }
  );

  it('ends in the state of the server, and reports every exit of pods that were not deleted meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async steps => {
        const api = new ApiServer();
        const kubeConfig = await api.open();
        const seen: string[] = [];
        const lost: string[] = [];
        const watch = new ListWatch<Thing>({
          kubeConfig,
          path: '/api/v1/pods',
          log,
          times: { backOff: { firstMs: 1, longestMs: 4 } },
          onChange: ({ metadata, status }) => void seen.push(`${metadata!.uid} ${status!.phase}`),
          onDelete: ({ metadata }) => void lost.push(metadata!.uid!)
        });
        const generations = new Map<string, number>();
        const dead = new Set<string>();
        const deleted = new Set<string>();
        // A UID is never used again.
        const of = (name: string) => `${name}${generations.get(name) ?? 0}`;
        const opening = watch.open();
        for (const one of steps) {
          const pod = of(one.uid);
          if (one.do === 'run' && !dead.has(pod)) api.put(pod, 'Running');
          if (one.do === 'fail' && api.truth.has(pod)) {
            api.put(pod, 'Failed');
            dead.add(pod);
          }
          if (one.do === 'delete' && api.truth.has(pod)) {
            api.delete(pod);
            deleted.add(pod);
            generations.set(one.uid, (generations.get(one.uid) ?? 0) + 1);
          }
          if (one.do === 'cut') api.cutWatches();
          if (one.do === 'end') api.endWatches();
          if (one.do === 'forget') api.forget();
          if (one.do === 'bookmark') api.bookmark();
          if (one.do === 'wait') await sleep(5);
          if (one.do === 'accident') api.accidents.push((one as { accident: Accident }).accident);
        }
        api.put('last', 'Running');
        try {
          await opening;
          const has = () =>
            new Map([...watch.items].map(([id, { metadata }]) => [id, metadata!.resourceVersion!]));
          await eventually('the same', () => sameMaps(has(), api.truth), SOON_MS);
          for (const pod of dead) if (!deleted.has(pod)) expect(seen).toContain(`${pod} Failed`);
          // Everything that was reported once and is gone was reported as gone, once.
          const begun = new Set(seen.map(words => words.split(' ')[0]!));
          const gone = [...begun].filter(pod => !api.truth.has(pod)).sort();
          expect([...lost].sort()).toEqual(gone);
        } finally {
          await watch.close();
          await api.close();
        }
      }),
      { numRuns: 150 }
    );
  }, 120_000);
});

describe('The delay before the next attempt', () => {
  it('doubles up to a limit and has jitter', () => {
    const times = { firstMs: 100, longestMs: 1000 };
    expect(backOff(1, 0, times)).toBe(50);
    expect(backOff(1, 0.999, times)).toBeGreaterThan(99);
    expect(backOff(3, 0, times)).toBe(200);
    expect(backOff(2000, 0, times)).toBe(500);
  });

  it('follows Retry-After, in seconds or as a date', () => {
    expect(retryAfterMs('7')).toBe(7000);
    expect(retryAfterMs('Sat, 21 Nov 2026 10:00:05 GMT', Date.UTC(2026, 10, 21, 10))).toBe(5000);
    expect(retryAfterMs('soon')).toBeNull();
    expect(retryAfterMs(undefined)).toBeNull();
  });
});

function sameMaps(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}

/** A proxy to a port of this machine that can drop bytes. */
async function openWay(to: number) {
  let hanging = false;
  const sockets = new Set<Socket>();
  const server = createServer(client => {
    const peer = connect(to, '127.0.0.1');
    for (const [from, onto] of [
      [client, peer],
      [peer, client]
    ] as const) {
      sockets.add(from);
      // Bytes on a hanging connection are lost; the connection does not break.
      from.on('data', bytes => void (hanging || onto.write(bytes)));
      from.on('error', () => onto.destroy());
      from.on('close', () => onto.destroy());
    }
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    hang: (on: boolean) => void (hanging = on),
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  };
}
