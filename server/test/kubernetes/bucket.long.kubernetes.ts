import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { runPython } from '../support/connect.js';
import { eventually, PATIENCE_MS } from '../support/server.js';
import { BucketSetting, QUERY, withObjectStore } from './bucket-setting.js';

withObjectStore('An S3 bucket', () => {
  let bucket: BucketSetting;

  beforeAll(async () => {
    bucket = await BucketSetting.open();
  }, PATIENCE_MS);
  afterAll(() => bucket?.close(), PATIENCE_MS);

  it(
    'that refuses, and becomes unavailable during a restart of the server, loses nothing and delays nothing',
    async () => {
      const { launcher, archive } = await bucket.openServer();
      const endpoint = await bucket.startOne(launcher, 'kept');
      expect((await runPython(endpoint, QUERY)).stdout).toContain('31953');
      const key = join(bucket.store.keys, 'AWS_SECRET_ACCESS_KEY');
      writeFileSync(key, 'a key that was withdrawn');
      await launcher.stop('kept');
      expect(await bucket.room.traces('kept')).toEqual([]);
      expect(await bucket.store.list('spark-logs')).not.toContainEqual(
        expect.stringContaining('app-kept')
      );
      expect(archive.figures()).toMatchObject({ waitingLogs: 1 });
      expect(archive.figures().waitingBytes).toBeGreaterThan(1_000);
      expect(bucket.logged.join('')).toMatch(
        /refuses the server's keys .*Nothing is lost: 1 of them/
      );

      await bucket.store.kill();
      await archive.close();
      await launcher.close();
      writeFileSync(key, bucket.store.secret);
      const next = await bucket.openServer();
      // Deleted meanwhile, because fifty others ended after it.
      await next.launcher.forget('kept');
      await eventually('a failure', () => next.archive.figures().failures > 0);
      expect(bucket.logged.join('')).toMatch(/cannot be reached \(ECONNREFUSED\)/);
      const kept = bucket.localLog('kept');
      await bucket.store.start();
      await eventually('the log in the bucket', async () =>
        (await bucket.store.list('spark-logs')).includes(
          'aglais/eventlog_v2_app-kept/appstatus_app-kept'
        )
      );
      expect(await bucket.logIn('kept')).toBe(kept);
      await eventually('no directory', () => !readdirSync(bucket.room.clusters).includes('kept'));
      const history = await bucket.openHistory();
      const listed = await history.applications(1);
      expect(listed.map(({ id }) => id)).toEqual(['app-kept']);
      expect(bucket.logged.join('')).not.toContain(bucket.store.secret);
    },
    3 * PATIENCE_MS
  );
});
