import { describe, expect, it } from '@jest/globals';
import { expiredClusters, type EndedCluster } from '../src/clusters/retention.js';

const DAY = 86_400_000;
const NOW = 1_000 * DAY;
const POLICY = { maxAgeMs: 30 * DAY, perNotebook: 3 };

const ended = (id: string, daysAgo: number, notebook = 'a.ipynb'): EndedCluster => ({
  ...{ id, notebook, kernel: `kernel of ${id}`, jupyterServer: 'lab', isSpare: false },
  stoppedAt: NOW - daysAgo * DAY
});
const expired = (...clusters: EndedCluster[]) => expiredClusters(clusters, POLICY, NOW).sort();

describe('Retention', () => {
  it('deletes what ended too long ago, whenever it started', () => {
    expect(expired(ended('new', 1), ended('old', 29), ended('too old', 31))).toEqual(['too old']);
  });

  it('keeps the last clusters of each notebook, whatever happens in others', () => {
    const busy = Array.from({ length: 200 }, (_, n) => ended(`busy ${n}`, n / 1_000, 'busy.ipynb'));
    const forgotten = expired(ended('quiet', 20, 'quiet.ipynb'), ...busy);
    expect(forgotten).toHaveLength(197);
    expect(forgotten).not.toContain('quiet');
    for (const n of [0, 1, 2]) expect(forgotten).not.toContain(`busy ${n}`);
  });

  it('does not mix notebooks with the same path in different Labs, or those without a path', () => {
    const elsewhere = { ...ended('elsewhere', 5), jupyterServer: 'other lab' };
    const nameless = ['x', 'y', 'z', 'w'].map(id => ended(id, 2, ''));
    expect(expired(ended('1', 1), ended('2', 2), ended('3', 3), elsewhere, ...nameless)).toEqual(
      []
    );
  });
});
