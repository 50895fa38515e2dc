import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { CellRuns } from '../src/clusters/cell-runs.js';
import { ClusterReconciler } from '../src/clusters/lifecycle/cluster-reconciler.js';
import { ClusterRows } from '../src/clusters/cluster-rows.js';
import { replayEvidence } from '../src/evidence/follow-files.js';
import type { Launcher, ObservedCluster } from '../src/launchers/launcher.js';
import { FindingRows } from '../src/findings/finding-rows.js';
import type { Tokens } from '../src/identity/tokens.js';
import { openStore, type Store } from '../src/store/store.js';
import { Journal } from '../src/stream/journal.js';
import { finding, LOCAL, row } from './support/rows.js';
import { eventually } from './support/server.js';

const KILLED = JSON.stringify({
  kind: 'pod',
  name: 'aglais-c1',
  uid: 'u1',
  role: 'driver',
  executor: null,
  application: 'app-c1',
  version: 1,
  deletedAt: null,
  scheduled: true,
  ran: true,
  ends: [
    {
      container: 'driver',
      exitCode: 137,
      reason: 'OOMKilled',
      message: null,
      startedAt: 1_000,
      finishedAt: 2_000
    }
  ],
  waiting: null,
  unschedulable: null,
  disrupted: null,
  limitMiB: 768,
  requestMiB: 768,
  node: 'n1',
  at: 2_000,
  ref: 'pods.json'
});

describe('For a cluster that ended while no server was running', () => {
  let directory: string;
  let store: Store;
  let world: ObservedCluster | null;
  let reconciler: ClusterReconciler | null = null;

  /** The parts of a launcher that are needed here: an ended cluster, and its files. */
  const launcher = {
    kind: 'local' as const,
    capabilities: { resizeInPlace: LOCAL },
    observe: () => Promise.resolve(world),
    list: () => Promise.resolve(world ? [world.id] : []),
    stop: () => {
      world = null;
      return Promise.resolve();
    },
    follow: () => Promise.reject(new Error('there is nothing to follow')),
    replay: (id, sink) => replayEvidence(join(directory, id), sink, () => Promise.resolve()),
    forget: () => Promise.resolve()
  } satisfies Partial<Launcher> as unknown as Launcher;

  const open = async () => {
    const journal = new Journal();
    const findings = new FindingRows(store);
    const rows = new ClusterRows(store);
    const log = pino({ level: 'silent' });
    reconciler = new ClusterReconciler(
      {
        ...{ launcher, rows, findings, journal, log },
        tokens: {} as Tokens,
        catalogue: () => Promise.resolve([]),
        shares: () => Promise.resolve([]),
        deadlines: { startMs: 60_000, idleMs: 60_000 },
        retention: { maxAgeMs: 86_400_000, perNotebook: 20 }
      },
      new CellRuns(launcher, journal, findings),
      () => Promise.resolve(),
      () => Promise.resolve()
    );
    await reconciler.open();
    return {
      findings: () => findings.findingsOf(['c1']),
      /** Ended, with nothing left to do. */
      over: () => eventually('the end', async () => (await rows.get('c1'))?.stopped_at)
    };
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'aglais-conclude-'));
    await mkdir(join(directory, 'c1'));
    await writeFile(join(directory, 'c1', 'evidence.jsonl'), `${KILLED}\n`);
    store = await openStore(':memory:');
    world = null;
  });
  afterEach(async () => {
    await reconciler?.close();
    await store.destroy();
    await rm(directory, { recursive: true });
  });

  it('the next server reports the cause', async () => {
    world = {
      ...{ id: 'c1', state: 'exited', url: null, ca: null, exit: 'It was killed.' },
      ...{ waitingFor: null, advice: null, shareProblems: [] }
    };
    await new ClusterRows(store).insert(row({ created_at: Date.now() }));
    const { findings, over } = await open();
    await over();
    expect(await findings()).toMatchObject([{ finding: { code: 'driver-oom-killed' } }]);
  });

  it('the next server reports the cause even if a previous one had removed everything', async () => {
    await new ClusterRows(store).insert(row({ desired: 'stopped', state: 'failed', reason: 'x' }));
    const { findings, over } = await open();
    await over();
    expect(await findings()).toMatchObject([{ finding: { code: 'driver-oom-killed' } }]);
  });

  it('an outdated finding of a previous server is withdrawn', async () => {
    await new ClusterRows(store).insert(row({ desired: 'stopped', state: 'stopping' }));
    const place = { cluster: 'c1', kernel: 'k1', notebook: 'stars.ipynb', dismissed: false };
    await new FindingRows(store).saveFinding({ ...place, finding: finding({ id: 'guess' }) });
    const { findings, over } = await open();
    await over();
    expect((await findings()).map(placed => placed.finding.code)).toEqual(['driver-oom-killed']);
  });
});
