import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { ClusterRows } from '../src/clusters/cluster-rows.js';
import { FindingRows } from '../src/findings/finding-rows.js';
import type { CellRun, LocatedFinding } from '@aglais/protocol';
import type { Migration } from 'kysely/migration';
import { clusterView } from '../src/clusters/cluster-view.js';
import { migrate, migrations as known } from '../src/store/migrate.js';
import { openStore, type Store } from '../src/store/store.js';
import { finding, row } from './support/rows.js';
import { SMALL } from './support/server.js';

const newest = Object.keys(known).at(-1)!;
const addColumn: Migration = {
  up: db => db.schema.alterTable('clusters').addColumn('added', 'text').execute()
};

/**
 * The contract of every database.
 * @param emptyDatabase the location of a new one
 */
export function storeContract(emptyDatabase: () => Promise<string>): void {
  let location: string;
  let store: Store;
  let clusters: ClusterRows;
  let findings: FindingRows;

  beforeEach(async () => {
    location = await emptyDatabase();
    store = await openStore(location);
    clusters = new ClusterRows(store);
    findings = new FindingRows(store);
  });
  afterEach(() => store.destroy());

  const placed = (id: string, change: { dismissed?: boolean; count?: number } = {}) => ({
    cluster: 'c1',
    kernel: 'k1',
    notebook: 'stars.ipynb',
    dismissed: change.dismissed ?? false,
    finding: finding({ id, count: change.count ?? 1 })
  });
  const cellRun = (run: number, outcome: 'running' | 'ok' = 'running') => ({
    ...{ cluster: 'c1', kernel: 'k1', notebook: 'stars.ipynb', cell: 'a', run, outcome },
    ...{ startedAt: 1_790_000_000_000 + run, endedAt: null, error: null },
    progress: {
      jobs: { total: 0, done: 0, failed: 0 },
      tasks: { total: 0, running: 0, done: 0, failed: 0 },
      stages: []
    }
  });

  it('opens an existing database, with its content', async () => {
    await clusters.insert(row());
    await store.destroy();
    store = await openStore(location);
    expect(await new ClusterRows(store).get('c1')).toEqual(row());
  });

  it('returns what was stored, including times in milliseconds and nulls', async () => {
    const full = row({
      notebook: 'l\'été/★ "stars".ipynb',
      jupyter_server: 's',
      reason: 'a\nb',
      created_at: 1_795_224_896_123,
      last_used_at: Number.MAX_SAFE_INTEGER
    });
    await clusters.insert(full);
    expect(await clusters.get('c1')).toEqual(full);
    expect(await clusters.get('c2')).toBeUndefined();
  });

  it('lets a kernel have one desired cluster, even if twenty are requested at the same time', async () => {
    const asked = Array.from({ length: 20 }, (_, n) => clusters.insert(row({ id: `c${n}` })));
    const made = (await Promise.all(asked)).filter(Boolean);
    expect(made).toHaveLength(1);
    expect(await clusters.live()).toHaveLength(1);
  });

  it('lets a kernel have a new cluster once the old one is not desired any more', async () => {
    await clusters.insert(row());
    await clusters.requestStop('c1', 'enough');
    expect(await clusters.insert(row({ id: 'c2' }))).toBe(true);
    expect((await clusters.desiredOfKernel('k1'))?.id).toBe('c2');
    expect((await clusters.live()).map(({ id }) => id).sort()).toEqual(['c1', 'c2']);
  });

  it('keeps the first reason for a stop', async () => {
    await clusters.insert(row());
    await clusters.requestStop('c1', 'first');
    await clusters.requestStop('c1', 'second', 'failed');
    expect(await clusters.get('c1')).toMatchObject({ reason: 'first', state: 'stopping' });
  });

  it('counts a cluster as live until it is gone', async () => {
    await clusters.insert(row());
    await clusters.requestStop('c1', 'enough');
    await clusters.update('c1', { state: 'stopped' });
    expect(await clusters.live()).toEqual([]);
  });

  it('finds the desired clusters whose kernels a Jupyter Server no longer has, and no others', async () => {
    await clusters.insert(row({ id: 'kept', kernel: 'kept', jupyter_server: 's1' }));
    await clusters.insert(row({ id: 'gone', kernel: 'gone', jupyter_server: 's1' }));
    await clusters.insert(
      row({ id: 'over', kernel: 'over', jupyter_server: 's1', desired: 'stopped' })
    );
    await clusters.insert(row({ id: 'other', kernel: 'other', jupyter_server: 's2' }));
    await clusters.insert(row({ id: 'new', kernel: 'new' }));
    const abandoned = await clusters.abandoned('s1', ['kept', 'unknown']);
    expect(abandoned.map(({ id }) => id)).toEqual(['gone']);
  });

  it('assigns a kernel only to its reported Jupyter Server', async () => {
    await clusters.insert(row());
    await clusters.insert(row({ id: 'c2', kernel: 'k2' }));
    await clusters.placeKernel('k1', 's1', 'moved.ipynb');
    expect(await clusters.get('c1')).toMatchObject({
      jupyter_server: 's1',
      notebook: 'moved.ipynb'
    });
    expect(await clusters.get('c2')).toEqual(row({ id: 'c2', kernel: 'k2' }));
  });

  it('keeps every cluster until it is deleted, with what belongs to it', async () => {
    for (let n = 0; n < 60; n += 1) {
      const ended = { desired: 'stopped' as const, state: 'stopped', created_at: n, stopped_at: n };
      await clusters.insert(row({ id: `c${n}`, ...ended }));
    }
    await clusters.insert(row({ id: 'live', kernel: 'live', created_at: 100 }));
    await findings.saveFinding({ ...placed('f1'), cluster: 'c0' });
    expect(await clusters.remembered()).toHaveLength(61);
    expect((await clusters.ended()).map(({ id }) => id)).not.toContain('live');
    expect(await clusters.ended()).toHaveLength(60);
    await clusters.forget('c0');
    expect(await clusters.get('c0')).toBeUndefined();
    expect(await findings.findingsOf(['c0'])).toEqual([]);
    expect(await clusters.remembered()).toHaveLength(60);
  });

  it('keeps one row of a finding however often it changes, and a dismissed one stays dismissed', async () => {
    await findings.saveFinding(placed('f1'));
    await findings.saveFinding(placed('f1', { count: 3, dismissed: true }));
    await findings.saveFinding(placed('f2'));
    expect(await findings.findingsOf(['c1'])).toMatchObject([
      { dismissed: true, finding: { id: 'f1', count: 3 } },
      { dismissed: false, finding: { id: 'f2' } }
    ]);
    await findings.dismiss('c1', 'f2');
    await findings.saveFinding(placed('f2', { count: 2 }));
    expect((await findings.findingsOf(['c1'])).map(({ dismissed }) => dismissed)).toEqual([
      ...[true, true]
    ]);
    await findings.removeFinding('c1', 'f1');
    expect((await findings.findingsOf(['c1', 'c2'])).map(f => f.finding.id)).toEqual(['f2']);
    expect(await findings.findingsOf([])).toEqual([]);
  });

  it('runs a transaction completely or not at all', async () => {
    await clusters.insert(row());
    const failing = clusters.transaction(async rows => {
      await rows.requestStop('c1', 'restarted');
      await rows.insert(row({ id: 'c2', replaces: 'c1' }));
      throw new Error('there is no room');
    });
    await expect(failing).rejects.toThrow('no room');
    expect(await clusters.live()).toEqual([row()]);
  });

  it('stores nothing that comes late of a cluster that is forgotten', async () => {
    await clusters.insert(row());
    await findings.saveLateCellRun(cellRun(1));
    expect(await findings.cellRunsOf(['c1'])).toHaveLength(1);
    await clusters.forget('c1');
    await findings.saveLateCellRun(cellRun(2));
    expect(await findings.cellRunsOf(['c1'])).toEqual([]);
  });

  it('stores a run however often its cell ran', async () => {
    for (const run of [3_000_000_000, Number.MAX_SAFE_INTEGER]) {
      const late = { ...cellRun(run), startedAt: 1_790_000_000_000 };
      await findings.saveCellRun(late);
      expect(await findings.cellRunsOf(['c1'])).toContainEqual(late);
    }
  });

  it('stores text with NUL, and invalid times, instead of failing forever', async () => {
    await clusters.insert(row({ id: 'c\0', kernel: 'k\0', notebook: 'a\0b.ipynb', reason: '\0' }));
    expect(await clusters.desiredOfKernel('k\0')).toMatchObject({ notebook: 'a\uFFFDb.ipynb' });
    const odd = { ...placed('f\0'), cluster: 'c\0' };
    for (const lastSeen of [Number.MAX_VALUE, -1e300, 0.5, Number.NaN])
      await findings.saveFinding({ ...odd, finding: { ...odd.finding, title: '\0', lastSeen } });
    await findings.saveFinding(odd);
    // The finding itself is unchanged.
    expect(await findings.findingsOf(['c\0'])).toEqual([odd]);
    await findings.saveCellRun({ ...cellRun(1e20), cell: '\0' });
    expect(await findings.cellRunsOf(['c1'])).toHaveLength(1);
  });

  it('returns what a newer server wrote unchanged, with unknown codes and fields', async () => {
    const { finding: known } = placed('f1');
    const newer = {
      ...placed('f1'),
      realm: 'x',
      finding: {
        ...known,
        code: 'executor-abducted',
        severity: 'fatal',
        subject: { moon: 'Io' },
        advice: [{ action: 'pray', sentence: 'Wait.', until: 5 }]
      }
    };
    await findings.saveFinding(newer as unknown as LocatedFinding);
    expect(await findings.findingsOf(['c1'])).toEqual([newer]);
    const run = { ...cellRun(1), outcome: 'postponed', language: 'scala' };
    await findings.saveCellRun(run as unknown as CellRun);
    expect(await findings.cellRunsOf(['c1'])).toEqual([run]);
    const shape = { ...SMALL, gpus: 2, executorCores: 5_000 };
    await clusters.insert(row({ state: 'hibernated', shape: JSON.stringify(shape) }));
    const view = clusterView((await clusters.get('c1'))!, null, null, 1_000, 0, {
      ...{ raiseMemory: true, lowerMemory: true, executors: false }
    });
    expect(view).toMatchObject({ state: 'hibernated', shape: { gpus: 2 } });
    expect(await clusters.lastShape('k1')).toEqual(shape);
  });

  it('skips a corrupt row, and returns the others', async () => {
    await findings.saveFinding(placed('f1'));
    await findings.saveFinding(placed('f2'));
    const { finding: whole } = placed('f2');
    for (const body of ['{', '7', 'null', JSON.stringify({ finding: { ...whole, title: 5 } })]) {
      await store.updateTable('findings').set({ body }).where('id', '=', 'f2').execute();
      expect((await findings.findingsOf(['c1'])).map(f => f.finding.id)).toEqual(['f1']);
    }
  });

  it('can be opened by an older server after a newer one that has only added to it', async () => {
    const added = { ...known, '2999-01-01-added': addColumn };
    await migrate(store, { migrations: added, compatibleSince: newest });
    await clusters.insert(row());
    await store.destroy();
    store = await openStore(location);
    expect(await new ClusterRows(store).get('c1')).toMatchObject(row());
    // The newer one finds its own.
    await migrate(store, { migrations: added, compatibleSince: newest });
  });

  it('cannot be opened by an older server after a newer one that has renamed what it needs', async () => {
    const renamed = { ...known, '2999-01-01-renamed': addColumn };
    await migrate(store, { migrations: renamed, compatibleSince: '2999-01-01-renamed' });
    await expect(openStore(location)).rejects.toThrow(
      /A newer Aglais .*2999-01-01-renamed.*Update/
    );
  });

  it('keeps one row of each run of a cell', async () => {
    await findings.saveCellRun(cellRun(2));
    await findings.saveCellRun(cellRun(1));
    await findings.saveCellRun(cellRun(1, 'ok'));
    expect(await findings.cellRunsOf(['c1'])).toEqual([cellRun(1, 'ok'), cellRun(2)]);
    expect(await findings.cellRunsOf(['c2'])).toEqual([]);
  });
}
