import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { ClusterRows } from '../src/clusters/cluster-rows.js';
import { SINGLE_SERVER } from '../src/clusters/lifecycle/lease-holder.js';
import { OrphanCollector } from '../src/clusters/lifecycle/orphan-collector.js';
import type { EndedCluster } from '../src/clusters/retention.js';
import type { Launcher } from '../src/launchers/launcher.js';
import { Journal } from '../src/stream/journal.js';

describe('Retention', () => {
  const ended = (id: string): EndedCluster => ({
    ...{ id, kernel: `k ${id}`, notebook: `${id}.ipynb`, jupyterServer: null },
    ...{ stoppedAt: 1, isSpare: false }
  });

  const setting = (whileForgetting: () => void) => {
    const known = [ended('a')];
    const rows = {
      ended: () => Promise.resolve([...known]),
      forget: (id: string) => {
        whileForgetting();
        known.splice(
          known.findIndex(one => one.id === id),
          1
        );
        return Promise.resolve();
      }
    } as Partial<ClusterRows> as ClusterRows;
    const launcher = { forget: () => Promise.resolve() } as Partial<Launcher> as Launcher;
    const collector = new OrphanCollector({
      ...{ launcher, rows, journal: new Journal(), leaseHolder: SINGLE_SERVER },
      retention: { maxAgeMs: 0, perNotebook: 20 },
      log: pino({ level: 'silent' }),
      follows: () => false,
      onForgotten: () => undefined
    });
    return { collector, known };
  };

  it('looks again for a cluster that ended while others were forgotten', async () => {
    let isFirst = true;
    const { collector, known } = setting(() => {
      if (isFirst) {
        known.push(ended('b'));
        collector.ended();
      }
      isFirst = false;
    });
    await collector.forgetExpired();
    expect(known.map(({ id }) => id)).toEqual(['b']);
    await collector.forgetExpired();
    expect(known).toEqual([]);
  });

  it('that the database refused is applied the next time', async () => {
    let isRefused = true;
    const { collector, known } = setting(() => {
      if (isRefused) throw new Error('the database is away');
    });
    await expect(collector.forgetExpired()).rejects.toThrow('away');
    isRefused = false;
    await collector.forgetExpired();
    expect(known).toEqual([]);
  });
});
