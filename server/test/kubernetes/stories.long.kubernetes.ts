import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPython } from '../support/connect.js';
import { eventually, PATIENCE_MS } from '../support/server.js';
import { expectFailedStart } from './failed-start.js';
import { openStoryRoom, type StoryRoom } from './story-setting.js';

const SCRATCH_MIB = 100;

/** Only the first attempt does it; the next one succeeds. */
const once = (what: string) => `
def unlucky(frames):
    import os, time
    from pyspark import TaskContext
    if TaskContext.get().attemptNumber() == 0:
${what.replace(/^/gm, '        ')}
    yield from frames
print(spark.range(0, 40, 1, 1).mapInPandas(unlucky, "id long").count())`;

/** Many small helpers: the largest process of the container is Java, which the kernel then kills. */
const FORKS = `
for _ in range(14):
    if os.fork() == 0:
        hoard = b"x" * (48 << 20)
        time.sleep(300)
        os._exit(0)
time.sleep(300)`.trim();

const FILLS_THE_SCRATCH = `
with open(os.environ["SPARK_LOCAL_DIRS"].split(",")[0] + "/mine", "wb") as file:
    file.write(b"x" * (${2 * SCRATCH_MIB} << 20))
time.sleep(300)`.trim();

const SLEEPS = 'time.sleep(300)';

describe('Under its cell is reported, although it succeeds,', () => {
  let capacity: StoryRoom;
  let id: string;
  const succeeds = async (cell: string, what: string) =>
    expect(await capacity.prints(id, cell, once(what))).toBe('40');

  beforeAll(async () => {
    capacity = await openStoryRoom({ scratch: { kind: 'disk', sizeMiB: SCRATCH_MIB } });
    id = await capacity.spark('lucky');
  }, PATIENCE_MS);
  afterAll(async () => {
    await capacity.stop(id, 'executors-lost');
    await capacity.close();
  }, PATIENCE_MS);

  it(
    'an OOM-killed executor',
    async () => {
      await succeeds('forks', FORKS);
      const killed = await capacity.found(
        id,
        'executor-oom-killed:cell:1:forks',
        /This cell succeeded, but executor \d was killed by the Linux OOM killer \(limit 768 MiB/
      );
      expect(killed).toMatchObject({ confidence: 'certain', severity: 'warning' });
      expect(killed.evidence).toContainEqual(
        expect.objectContaining({ source: 'container', quote: 'OOMKilled' })
      );
    },
    3 * PATIENCE_MS
  );

  it(
    'an executor that exceeded its scratch limit',
    async () => {
      await succeeds('fills', FILLS_THE_SCRATCH);
      const evicted = await capacity.found(
        id,
        'executor-evicted:cell:1:fills',
        /This cell succeeded, but .*evicted from its node.*spark-local-dir-1.*100Mi/
      );
      expect(evicted).toMatchObject({ confidence: 'certain', severity: 'warning' });
    },
    3 * PATIENCE_MS
  );

  it(
    'a preempted executor',
    async () => {
      const cell = succeeds('pushed', SLEEPS);
      await eventually('its first task', async () =>
        (await capacity.server.user.cluster(id)).stages.some(({ tasks }) => tasks.running > 0)
      );
      // Because of memory: pods that another one's affinity keeps pending are retried by the scheduler of 1.35 only
      // after five minutes.
      const leave = await capacity.stranger('important', 50, (await capacity.freeMiB()) + 300);
      expect(await capacity.found(id, 'executor-preempted:cell:1:pushed')).toMatchObject({
        confidence: 'certain'
      });
      await leave();
      await cell;
      const preempted = await capacity.found(
        id,
        'executor-preempted:cell:1:pushed',
        /This cell succeeded, but executor \d was preempted by a pod of higher priority/
      );
      expect(preempted.severity).toBe('warning');
    },
    3 * PATIENCE_MS
  );
});

describe('While the notebook waits is reported', () => {
  it(
    'a claim that does not exist',
    () =>
      expectFailedStart(
        'claim-missing',
        { volumes: [{ name: 'gaia', mountPath: '/data', source: { claim: 'gaia-dr3' } }] },
        'mount-failed',
        /volume claim gaia-dr3 does not exist/i
      ),
    PATIENCE_MS
  );

  it(
    'a directory that does not exist on the node',
    () =>
      expectFailedStart(
        'folder-missing',
        { volumes: [{ name: 'gaia', mountPath: '/data', source: { hostPath: '/nowhere/gaia' } }] },
        'mount-failed',
        /volume share-gaia cannot be mounted.*\/nowhere\/gaia is not a directory/i
      ),
    PATIENCE_MS
  );
});

describe('Executors that exit before they register', () => {
  it.each<
    [string, 'executor-lost' | 'executor-oom-killed', Record<string, string>, RegExp, RegExp]
  >([
    [
      'executors-without-java',
      'executor-lost',
      { 'spark.executor.extraJavaOptions': '-XX:+UseSerialGC -XX:+UseG1GC' },
      /\d+ executors \(.*\) ended with exit code 1 before they registered with the driver/,
      /Multiple garbage collectors selected/
    ],
    [
      'executors-too-small',
      'executor-oom-killed',
      // It overrides Spark's option, and allocates the whole heap first.
      { 'spark.executorEnv._JAVA_OPTIONS': '-Xms2g -Xmx2g -XX:+AlwaysPreTouch' },
      /\d+ executors \(.*\) were killed by the Linux OOM killer before they registered with the driver \(limit \d+ MiB/,
      /^OOMKilled$/
    ]
  ])(
    'are one finding under the waiting cell: %s',
    async (name, code, properties, words, quote) => {
      const capacity = await openStoryRoom({ properties });
      const children: ChildProcess[] = [];
      try {
        const id = await capacity.spark('waits');
        const report = { cell: 'waits', run: 1, outcome: 'running', at: Date.now() };
        await capacity.server.user.post(`/clusters/${id}/cell-runs`, report);
        // Nobody waits for its end: a client retries for minutes.
        const cell = startPython(
          await capacity.server.user.endpoint(id),
          'spark.addTag("aglais-cell:1:waits")\nspark.range(0, 9, 1, 2).count()'
        );
        children.push(cell.child);
        const finding = await eventually('a loop of deaths', async () => {
          const found = await capacity.findings(id);
          const one = found.find(placed => placed.id === `${code}:cell:1:waits`);
          return one && one.count >= 4 && one.effects.length > 0 && one;
        });
        expect(finding.severity).toBe('warning');
        // If the cell started late, earlier exits belong to the application.
        const others = (await capacity.findings(id)).filter(placed => placed.id !== finding.id);
        expect(others.filter(placed => placed.id !== `${code}:application`)).toEqual([]);
        expect(finding.explanation).toMatch(words);
        expect(finding.evidence.map(one => one.quote).join('\n')).toMatch(
          new RegExp(quote.source, 'm')
        );
        expect(finding.effects.join()).toMatch(/waiting for executors.*no task has started/);
        await capacity.stop(id, name);
      } finally {
        for (const child of children) child.kill('SIGKILL');
        await capacity.close();
      }
    },
    2 * PATIENCE_MS
  );
});
