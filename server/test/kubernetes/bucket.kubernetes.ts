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
    'is a share that executors read, and stores the event log for the History Server',
    async () => {
      const { launcher, archive } = await bucket.openServer({ partBytes: 40_000, lookMs: 500 });
      const endpoint = await bucket.startOne(launcher, 'stars');
      const answer = await runPython(endpoint, QUERY);
      expect(answer.stderr).not.toMatch(/Exception/);
      expect(answer.stdout).toContain('31953');

      // The keys must not be visible to users who may read pods and configurations, or logs.
      const { core, namespace } = bucket.room;
      const described = [
        await core.listNamespacedPod({ namespace }),
        await core.listNamespacedConfigMap({ namespace })
      ];
      expect(described[0]!.items.length).toBeGreaterThan(1);
      const shown = await runPython(
        endpoint,
        'for row in spark.sql("SET -v").collect() + spark.sql("SET").collect(): print(row[0], row[1])'
      );
      expect(shown.stdout).toContain(bucket.store.endpoint);
      const seen = [JSON.stringify(described), shown.stdout];
      expect(seen.map(text => text.includes(bucket.store.secret))).not.toContain(true);

      await eventually('parts of a log that is being written', async () => {
        const running = 'aglais/eventlog_v2_app-stars/appstatus_app-stars.inprogress';
        return (
          (await bucket.store.list('spark-logs')).includes(running) &&
          (await bucket.partsOf('stars')).length > 0
        );
      });
      await launcher.stop('stars');
      expect(await bucket.room.traces('stars')).toEqual([]);
      expect(archive.figures()).toMatchObject({ waitingLogs: 0, failures: 0 });
      const parts = await bucket.partsOf('stars');
      expect(parts.length).toBeGreaterThan(2);
      expect((await bucket.store.list('spark-logs')).sort()).toEqual(
        ['aglais/eventlog_v2_app-stars/appstatus_app-stars', ...parts].sort()
      );
      const log = await bucket.logIn('stars');
      expect(log).toBe(bucket.localLog('stars'));
      expect(log).toContain('SparkListenerEnvironmentUpdate');
      const evidence = bucket.evidenceOf('stars');
      expect(evidence.length).toBeGreaterThan(3);
      // Not the texts themselves: a failure would print them.
      expect([log, ...evidence].map(text => text.includes(bucket.store.secret))).not.toContain(
        true
      );

      const history = await bucket.openHistory();
      expect(await history.applications(1)).toMatchObject([
        { id: 'app-stars', attempts: [{ completed: true }] }
      ]);
      const jobs = await history.get('/applications/app-stars/jobs');
      expect(jobs).toContainEqual(expect.objectContaining({ status: 'SUCCEEDED' }));
      const executors = await history.get('/applications/app-stars/allexecutors');
      expect(executors).toContainEqual(
        expect.objectContaining({ id: '1', totalTasks: expect.any(Number) })
      );
      // One server at a time uses the directory.
      await archive.close();
      await launcher.close();
    },
    3 * PATIENCE_MS
  );
});
