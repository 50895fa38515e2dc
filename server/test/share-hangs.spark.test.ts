import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { diagnoseFiles } from '@aglais/diagnosis';
import type { Finding, LocatedFinding, ShareStatus } from '@aglais/protocol';
import { canMount, openFuseShare, type FuseShare } from '../../witness/test/support/fuse-share.js';
import { startPython } from './support/connect.js';
import {
  eventually,
  PATIENCE_MS,
  python,
  serve,
  temporaryDirectory,
  type TestServer
} from './support/server.js';
import { STARS_SHARE, READS_AND_READS, WRITE_STARS } from './support/stars-share.js';

/** From the time when its server stops; the probe alone needs up to seven. */
const WITHIN_MS = 15_000;

(canMount() ? describe : describe.skip)('A share that hangs in the middle of a job', () => {
  const place = temporaryDirectory();
  let share: FuseShare;
  let server: TestServer;

  beforeAll(async () => {
    const source = join(place.path, 'source');
    mkdirSync(join(source, 'stars'), { recursive: true });
    execFileSync(python, ['-c', WRITE_STARS, join(source, 'stars')]);
    share = await openFuseShare(source);
    mkdirSync(join(place.path, 'catalogues'));
    writeFileSync(join(place.path, 'catalogues', 'stars.yaml'), STARS_SHARE(share.path));
    server = await serve(place.path);
  }, PATIENCE_MS);
  afterAll(async () => {
    share.goOn();
    await server.close();
    await share.close();
    place.remove();
  }, PATIENCE_MS);

  const findings = async (cluster: string): Promise<Finding[]> => {
    const { body } = await server.user.get<{ findings: LocatedFinding[] }>('/findings');
    return body.findings.filter(one => one.cluster === cluster).map(({ finding }) => finding);
  };

  it(
    'is an error under the cell within seconds, and a warning once it responds again; live = offline',
    async () => {
      const { id } = await server.user.request('hanging');
      await server.user.until(id, 'ready');
      const report = (outcome: string) =>
        server.user.post(`/clusters/${id}/cell-runs`, {
          cell: 'reads',
          run: 1,
          outcome,
          at: Date.now()
        });
      await report('running');
      const { run, ended } = startPython(await server.user.endpoint(id), READS_AND_READS);
      await eventually('that it reads', () => run.stdout.includes('read'));
      share.hang();
      const since = Date.now();
      const hung = await eventually('the finding', async () =>
        (await findings(id)).find(({ code }) => code === 'share-unavailable')
      );
      expect(Date.now() - since).toBeLessThan(WITHIN_MS);
      expect(hung).toMatchObject({
        id: 'share-unavailable:cell:1:reads',
        severity: 'error',
        title: 'Catalogue hanging does not respond'
      });
      expect(hung.explanation).toMatch(
        /catalogue hanging has not responded since \d\d:\d\d:\d\d UTC/i
      );
      expect(hung.firstSeen).toBeGreaterThan(since - 8_000);
      // More often than this server has threads that could wait for it.
      const asked = await Promise.all(
        [1, 2, 3, 4, 5, 6].map(() => server.user.get<{ shares: ShareStatus[] }>('/shares'))
      );
      for (const { body } of asked) {
        expect(body.shares).toMatchObject([
          { id: 'hanging', available: false, problem: expect.stringMatching(/does not answer/) }
        ]);
      }
      const other = await server.user.request('other');
      await server.user.until(other.id, 'ready');
      await server.user.delete(`/clusters/${other.id}`);
      share.goOn();
      const { code, stderr } = await ended;
      expect([code, stderr.slice(-2_000)]).toEqual([0, expect.anything()]);
      await report('ok');
      const over = await eventually('that it is over', async () =>
        (await findings(id)).find(
          one =>
            one.code === 'share-unavailable' &&
            one.severity === 'warning' &&
            /succeeded/.test(one.explanation)
        )
      );
      expect(over.title).toBe('Catalogue hanging is available again');
      await server.user.delete(`/clusters/${id}`);
      await server.user.until(id, 'stopped');
      const kept = (file: string) => join(place.path, 'state', 'clusters', id, file);
      const offline = await diagnoseFiles({
        eventLogs: [kept('live.jsonl')],
        evidence: [kept('evidence.jsonl')]
      });
      const ofShares = (all: Finding[]) =>
        all
          .filter(one => one.code === 'share-unavailable')
          .map(one => ({ ...one, evidence: one.evidence.map(({ quote }) => quote) }));
      expect(ofShares(offline.findings())).toEqual(ofShares(await findings(id)));
    },
    3 * PATIENCE_MS
  );

  it(
    'and is gone when it is unmounted while a cell is running',
    async () => {
      const { id } = await server.user.request('unmounted');
      await server.user.until(id, 'ready');
      await server.user.post(`/clusters/${id}/cell-runs`, {
        cell: 'waits',
        run: 1,
        outcome: 'running',
        at: Date.now()
      });
      const recorded = async () =>
        (await findings(id)).find(({ code }) => code === 'share-unavailable');
      // It was checked while it was healthy.
      await eventually('the first check', () => server.user.cluster(id));
      share.unmount();
      expect(await eventually('the finding', recorded)).toMatchObject({
        id: 'share-unavailable:cell:1:waits',
        severity: 'error',
        title: 'Catalogue hanging is gone'
      });
      await server.user.delete(`/clusters/${id}`);
      await server.user.until(id, 'stopped');
    },
    2 * PATIENCE_MS
  );
});
