import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { V1Pod } from '@kubernetes/client-node';
import { executorTemplate } from '../../src/launchers/kubernetes/objects/executor-template.js';
import { KubernetesConfig } from '../../src/launchers/kubernetes/kubernetes-config.js';
import { sharePath } from '../../src/launchers/kubernetes/objects/share-volumes.js';
import { catalogueSql } from '../../src/shares/catalogue-sql.js';
import { readShares } from '../../src/shares/declarations.js';
import { launcherContract } from '../launcher.contract.js';
import { runPython } from '../support/connect.js';
import { eventually, PATIENCE_MS, SMALL } from '../support/server.js';
import { ready, specOf, waitsFor } from './cluster-setting.js';
import { openRoom, type KubernetesRoom } from './testbed-setting.js';

const checkout = resolve(import.meta.dirname, '../../..');

describe('The Kubernetes launcher', () => {
  // The kernel's counters stay on the node: the pod's status shows why a container ended.
  launcherContract(() => openRoom(), { limits: true, counts: false });
});

describe('On Kubernetes', () => {
  let capacity: KubernetesRoom;

  beforeAll(async () => {
    capacity = await openRoom();
  }, PATIENCE_MS);
  afterAll(() => capacity.close(), PATIENCE_MS);

  it(
    'a driver that is unschedulable reports what it needs and what is available',
    async () => {
      const launcher = capacity.launcher();
      const shape = { ...SMALL, driverMemoryMiB: 900_000 };
      await launcher.start(specOf('huge', { shape }));
      const seen = await waitsFor(launcher, 'huge', /place for the driver/);
      expect(seen.waitingFor).toMatch(/needs 879\.\d GiB; the largest free node has \d/);
      expect(seen.advice).toMatch(/fewer or smaller/);
      await launcher.stop('huge');
      expect(await capacity.traces('huge')).toEqual([]);
    },
    PATIENCE_MS
  );

  it(
    'an image that does not exist is named',
    async () => {
      const image = { name: 'aglais.invalid/nothing:1', pullPolicy: 'Never' };
      const launcher = capacity.launcherWith({ image });
      await launcher.start(specOf('no-image'));
      const seen = await waitsFor(launcher, 'no-image', /image/);
      expect(seen.waitingFor).toMatch(/ErrImageNeverPull.*aglais\.invalid\/nothing:1/);
      await launcher.stop('no-image');
    },
    PATIENCE_MS
  );

  it(
    'a claim that does not exist is named',
    async () => {
      const volumes = [{ name: 'gaia', mountPath: '/data', source: { claim: 'gaia-dr3' } }];
      const launcher = capacity.launcherWith({ volumes });
      await launcher.start(specOf('no-claim'));
      const seen = await waitsFor(launcher, 'no-claim', /claim/);
      expect(seen.waitingFor).toBe('the volume claim "gaia-dr3", which does not exist');
      await launcher.stop('no-claim');
    },
    PATIENCE_MS
  );

  it(
    'a driver whose pod was deleted has ended, with the reason',
    async () => {
      const launcher = capacity.launcher();
      await launcher.start(specOf('deleted'));
      await capacity.core.deleteNamespacedPod({
        name: 'aglais-deleted',
        namespace: capacity.namespace
      });
      const seen = await eventually('its end', async () => {
        const now = await launcher.observe('deleted');
        return now?.state === 'exited' && now.exit?.includes('deleted by somebody') && now;
      });
      expect(seen.exit).toContain("Your notebook's variables are kept");
      await launcher.stop('deleted');
      expect(await capacity.traces('deleted')).toEqual([]);
    },
    PATIENCE_MS
  );

  it(
    'two clusters are isolated, and pending executors are reported while one is running',
    async () => {
      const launcher = capacity.launcher();
      const crowded = { ...SMALL, executors: { min: 2, max: 2 }, executorMemoryMiB: 900_000 };
      await Promise.all([
        launcher.start(specOf('one')),
        launcher.start(specOf('two', { shape: crowded }))
      ]);
      const [one, two] = await Promise.all([ready(launcher, 'one'), ready(launcher, 'two')]);
      expect(one.ca).not.toBe(two.ca);
      const reached = { url: one.url!, ca: one.ca, token: specOf('one').token };
      expect((await runPython(reached, 'print(spark.range(7).count())')).stdout.trim()).toBe('7');
      // The token of the other one is rejected.
      const stranger = { ...reached, token: specOf('two').token };
      expect((await runPython(stranger, 'spark.range(7).count()')).stderr).toMatch(
        /UNAUTHENTICATED|Invalid authentication token/
      );
      expect((await waitsFor(launcher, 'two', /executors/)).waitingFor).toMatch(
        /needs 879\.\d GiB for each of 2 executors; the largest free node has/
      );
      await Promise.all([launcher.stop('one'), launcher.stop('two')]);
      expect([...(await capacity.traces('one')), ...(await capacity.traces('two'))]).toEqual([]);
    },
    PATIENCE_MS
  );

  it(
    'a start that was interrupted after its first object is resumed',
    async () => {
      const launcher = capacity.launcher();
      await capacity.calls.root(specOf('half'), capacity.namespace);
      const seen = await eventually('what is left of it', () => launcher.observe('half'));
      expect(seen.state).toBe('interrupted');
      await launcher.start(specOf('half'));
      expect((await launcher.observe('half'))?.state).toBe('starting');
      await launcher.stop('half');
      expect(await capacity.traces('half')).toEqual([]);
    },
    PATIENCE_MS
  );

  it(
    'a cluster of which only the first object was created is stopped, too',
    async () => {
      await capacity.calls.root(specOf('orphan'), capacity.namespace);
      const launcher = capacity.launcher();
      await eventually('it', () => launcher.observe('orphan'));
      await launcher.stop('orphan');
      expect(await capacity.traces('orphan')).toEqual([]);
    },
    PATIENCE_MS
  );

  it(
    'a namespace that admits only restricted pods admits the executors that Spark creates',
    async () => {
      const { config, namespace } = capacity;
      const template = executorTemplate(specOf('template'), config);
      const [container] = template.spec!.containers;
      const body: V1Pod = {
        ...template,
        metadata: { ...template.metadata, name: 'template' },
        spec: {
          ...template.spec,
          containers: [{ ...container!, image: config.image.name, args: ['executor'] }]
        }
      };
      const made = await capacity.core.createNamespacedPod({ namespace, body, dryRun: 'All' });
      expect(made.spec!.automountServiceAccountToken).toBe(false);
      const open = { ...body, spec: { ...body.spec!, hostNetwork: true } };
      await expect(
        capacity.core.createNamespacedPod({ namespace, body: open, dryRun: 'All' })
      ).rejects.toThrow(/violates PodSecurity/);
    },
    PATIENCE_MS
  );

  it(
    'the capacity is that of the nodes',
    async () => {
      const { memoryMiB, machines } = await capacity.launcher().capacity();
      expect(memoryMiB).toBeGreaterThan(1_024);
      expect(machines.length).toBeGreaterThan(0);
    },
    PATIENCE_MS
  );
});

describe('A share on Kubernetes', () => {
  let capacity: KubernetesRoom;
  // A hostPath volume is not admitted by `restricted`.
  beforeAll(async () => {
    capacity = await openRoom('privileged');
  }, PATIENCE_MS);
  afterAll(() => capacity.close(), PATIENCE_MS);

  it(
    'is read by the warm-up of a spare and by a query, and cannot be written to',
    async () => {
      const hostPath = process.env.AGLAIS_NODE_CATALOGUES;
      const volumes = [{ name: 'data', mountPath: '/data/catalogues', source: { hostPath } }];
      const launcher = capacity.launcherWith({ volumes });
      const config = { ...capacity.config, volumes: KubernetesConfig.shape.volumes.parse(volumes) };
      const declared = await readShares(join(checkout, 'catalogues'), '/nowhere', share =>
        Promise.resolve(sharePath(config, share))
      );
      const bigsky = declared.find(({ share }) => share?.id === 'bigsky');
      expect(bigsky).toMatchObject({ problem: null, share: { path: '/data/catalogues/bigsky' } });
      const id = 'shared';
      const token = `only-for-${id}`;
      const catalogue = catalogueSql(bigsky!.share!);
      await launcher.start({ id, shape: SMALL, token, catalogue, warmUp: true });
      const { url, ca, shareProblems } = await ready(launcher, id);
      expect(shareProblems).toEqual([]);
      const events: string[] = [];
      const unfollow = new AbortController();
      const eventLine = (text: string) => void events.push(text);
      const sink = { eventLine, evidenceLine: () => {}, observe: () => {} };
      const following = launcher.follow(id, sink, unfollow.signal);
      await eventually('its warm-up reading the table', () =>
        events.some(text => /ConnectOperationStarted".*bigsky.*"aglais-warm-up"/.test(text))
      );
      unfollow.abort();
      await following;
      const endpoint = { url: url!, ca, token };
      const read = await runPython(endpoint, 'print(spark.table("bigsky.source").count())');
      expect(read.stdout.trim()).toBe('981853');
      const write = 'spark.range(1).write.parquet("/data/catalogues/mine")';
      expect((await runPython(endpoint, write)).stderr).toMatch(/Read-only|Mkdirs failed|denied/);
      await launcher.stop(id);
    },
    2 * PATIENCE_MS
  );
});
