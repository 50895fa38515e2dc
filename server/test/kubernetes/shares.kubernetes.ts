import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  canMount,
  openFuseShare,
  type FuseShare
} from '../../../witness/test/support/fuse-share.js';
import { eventually, PATIENCE_MS, python } from '../support/server.js';
import { READS_AND_READS, STARS_SHARE, WRITE_STARS } from '../support/stars-share.js';
import { openStoryRoom, type StoryRoom } from './story-setting.js';

/** From the time when its server stops: probe interval, timeout, and delivery to the server. */
const WITHIN_MS = 25_000;
/** If the node is this machine, mounts here are visible there. */
const isHere = existsSync(process.env.AGLAIS_NODE_CATALOGUES ?? '/none');

(canMount() && isHere ? describe : describe.skip)('A share that is mounted into pods', () => {
  const source = mkdtempSync(join(tmpdir(), 'aglais-stars-'));
  let share: FuseShare;
  let capacity: StoryRoom;

  beforeAll(async () => {
    mkdirSync(join(source, 'stars'));
    execFileSync(python, ['-c', WRITE_STARS, join(source, 'stars')]);
    share = await openFuseShare(source);
    capacity = await openStoryRoom({
      volumes: [{ name: 'stars', mountPath: '/data/stars', source: { hostPath: share.path } }]
    });
    const declaration = join(capacity.server.directory, 'catalogues', 'stars.yaml');
    writeFileSync(declaration, STARS_SHARE('/data/stars'));
  }, PATIENCE_MS);
  afterAll(async () => {
    share.goOn();
    await capacity.close();
    await share.close();
    rmSync(source, { recursive: true });
  }, PATIENCE_MS);

  it(
    'and hangs in the middle of a job is an error under the cell within seconds, and a warning once it responds again',
    async () => {
      const id = await capacity.spark('hanging');
      const cell = capacity.prints(id, 'reads', READS_AND_READS);
      await eventually('that it reads', async () =>
        (await capacity.server.user.cluster(id)).executors.some(({ doneTasks }) => doneTasks > 0)
      );
      share.hang();
      const since = Date.now();
      const hung = await eventually('the finding', async () =>
        (await capacity.findings(id)).find(one => one.code === 'share-unavailable')
      );
      console.log(`told ${Date.now() - since} ms after the file server had stopped`);
      expect(Date.now() - since).toBeLessThan(WITHIN_MS);
      expect(hung).toMatchObject({
        id: 'share-unavailable:cell:1:reads',
        severity: 'error',
        confidence: 'certain',
        title: 'Catalogue hanging does not respond'
      });
      share.goOn();
      expect(await cell).toMatch(/read$/);
      const over = await eventually('that it is over', async () =>
        (await capacity.findings(id)).find(one => /succeeded, but/.test(one.explanation))
      );
      expect(over).toMatchObject({ id: hung.id, severity: 'warning' });
      expect(over.explanation).toMatch(/catalogue hanging did not respond for \d+(\.\d)? s/);
      await capacity.stop(id, 'share-hangs');
    },
    3 * PATIENCE_MS
  );

  it(
    'and whose file server is killed is gone, under a running cell that does not even read it',
    async () => {
      const id = await capacity.spark('killed');
      const cell = capacity.prints(
        id,
        'sleeps',
        'import time\nspark.range(3).count()\ntime.sleep(30)'
      );
      await eventually('its first job', async () =>
        (await capacity.server.user.cluster(id)).executors.some(({ doneTasks }) => doneTasks > 0)
      );
      await share.kill();
      expect(await capacity.found(id, 'share-unavailable:cell:1:sleeps')).toMatchObject({
        severity: 'error',
        title: 'Catalogue hanging is gone'
      });
      await cell;
      await capacity.stop(id, 'share-gone');
    },
    3 * PATIENCE_MS
  );
});
