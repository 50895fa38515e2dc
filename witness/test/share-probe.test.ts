import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ShareChecker } from '../src/share-checker.js';
import { probeOnce, ShareProbe, type ShareNews } from '../src/share-probe.js';
import { readMountedShares, reportShares } from '../src/share-reports.js';
import { canMount, openFuseShare, type FuseShare } from './support/fuse-share.js';

const SOON_MS = 30_000;
const QUICK = { everyMs: 50, patienceMs: 1_500 };

let place: string;
let probe: { close(): void } | null;
let news: ShareNews[];
/** A checker that reads one path and then does this; `begun` is written as usual. */
const checker = (script: string) =>
  new ShareChecker([
    '/bin/sh',
    '-c',
    `begun() { echo '{"id":1,"begun":true}'; }; read -r line; ${script}`
  ]);
const states = () => news.map(({ state }) => state);
const look = (path: string, options: object = {}) =>
  (probe = new ShareProbe(path, one => news.push(one), { ...QUICK, ...options }));

async function eventually(what: string, isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + SOON_MS;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`never seen: ${what}; there is ${states().join()}`);
    await sleep(20);
  }
}

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'aglais-share-'));
  probe = null;
  news = [];
});
afterEach(() => {
  probe?.close();
  rmSync(place, { recursive: true });
});

describe('A share that is probed', () => {
  it('is reported once while it is healthy, and when it disappears and returns', async () => {
    const path = join(place, 'gaia');
    mkdirSync(path);
    writeFileSync(join(path, 'data'), '');
    look(path);
    await eventually('that it is well', () => states().join() === 'healthy');
    await sleep(500);
    expect(states()).toEqual(['healthy']);
    rmSync(path, { recursive: true });
    await eventually('that it is gone', () => states().at(-1) === 'gone');
    expect(news.at(-1)!.message).toMatch(/no such file or directory.*gaia/);
    // Its mount point.
    mkdirSync(path);
    await sleep(500);
    expect(states()).toEqual(['healthy', 'gone']);
    writeFileSync(join(path, 'data'), '');
    await eventually('that it is back', () => states().join() === 'healthy,gone,healthy');
  });

  it('may be empty if it always was', async () => {
    look(place);
    await eventually('that it is well', () => states().join() === 'healthy');
    await sleep(300);
    expect(states()).toEqual(['healthy']);
  });

  it('is not blamed for a machine that cannot start processes, or is too busy', async () => {
    look(place, { checker: checker('begun; exec no-such-program') });
    await sleep(500);
    probe!.close();
    look(place, { checker: checker('sleep 3; begun') });
    await sleep(2_500);
    expect(news).toEqual([]);
  });

  it('hangs when its check does, even if that cannot be killed, and no second one is started', async () => {
    const count = join(place, 'looks');
    // Outside of the killed process group, with its output open: like a process that the kernel cannot kill.
    const stuck = `begun; echo >> ${count}; exec setsid -w sleep 4`;
    look(place, { checker: checker(stuck) });
    await eventually('that it hangs', () => states().join() === 'hung');
    expect(news[0]!.at - news[0]!.since).toBeGreaterThanOrEqual(QUICK.patienceMs - 10);
    await sleep(1_000);
    expect(readFileSync(count, 'utf8')).toBe('\n');
  });
});

(canMount() ? describe : describe.skip)('A mounted share', () => {
  let share: FuseShare;
  beforeEach(async () => {
    const source = join(place, 'source');
    mkdirSync(source);
    writeFileSync(join(source, 'part-0.parquet'), 'stars');
    share = await openFuseShare(source);
  });
  afterEach(() => share.close());

  it(
    'that does not respond is reported as hung, although it is cached, until it responds again',
    async () => {
      look(share.path);
      await eventually('that it is well', () => states().join() === 'healthy');
      const before = Date.now();
      share.hang();
      await eventually('that it hangs', () => states().at(-1) === 'hung');
      expect(Date.now() - before).toBeLessThan(10_000);
      share.goOn();
      await eventually('that it is back', () => states().join() === 'healthy,hung,healthy');
    },
    2 * SOON_MS
  );

  it(
    "whose server was killed is reported as gone, with the kernel's message",
    async () => {
      look(share.path);
      await eventually('that it is well', () => states().join() === 'healthy');
      await share.kill();
      await eventually('that it is gone', () => states().at(-1) === 'gone');
      expect(news.at(-1)!.message).toMatch(/connect/);
    },
    2 * SOON_MS
  );

  it(
    'that was unmounted is reported as gone, too',
    async () => {
      look(share.path);
      await eventually('that it is well', () => states().join() === 'healthy');
      share.unmount();
      await eventually('that it is gone', () => states().at(-1) === 'gone');
      expect(news.at(-1)!.message).toBe('the folder is empty, and was not before');
    },
    2 * SOON_MS
  );
});

describe('A single check', () => {
  it('returns the state of the share, and does not wait forever if nothing can be run', async () => {
    expect(await probeOnce(place, QUICK)).toBe('healthy');
    expect(await probeOnce(join(place, 'nothing'), QUICK)).toBe('gone');
    expect(await probeOnce(place, { ...QUICK, checker: checker('begun; sleep 60') })).toBe('hung');
    expect(
      await probeOnce(place, { ...QUICK, checker: checker('exec no-such-program') })
    ).toBeNull();
  });
});

describe('Results of probes', () => {
  it('are written for each share of a mount, one observation per line', async () => {
    const path = join(place, 'data');
    mkdirSync(path);
    probe = reportShares(
      place,
      readMountedShares(JSON.stringify([{ shares: ['gaia', 'panstarrs'], path }])),
      QUICK
    );
    const lines = () =>
      readFileSync(join(place, 'shares.jsonl'), { encoding: 'utf8', flag: 'a+' })
        .split('\n')
        .filter(Boolean)
        .map(line => JSON.parse(line) as object);
    await eventually('both', () => lines().length === 2);
    rmSync(path, { recursive: true });
    await eventually('both again', () => lines().length === 4);
    expect(lines()).toMatchObject([
      { kind: 'share', share: 'gaia', available: true },
      { kind: 'share', share: 'panstarrs', available: true },
      { kind: 'share', share: 'gaia', available: false, state: 'gone' },
      { kind: 'share', share: 'panstarrs', available: false, state: 'gone' }
    ]);
  });

  it('are not written to the target of a link', async () => {
    const secret = join(place, 'secret');
    writeFileSync(secret, '');
    symlinkSync(secret, join(place, 'shares.jsonl'));
    probe = reportShares(place, [{ shares: ['gaia'], path: place }], QUICK);
    await sleep(500);
    expect(readFileSync(secret, 'utf8')).toBe('');
  });

  it('are empty without mounts', () => {
    expect(readMountedShares(undefined)).toEqual([]);
  });
});
