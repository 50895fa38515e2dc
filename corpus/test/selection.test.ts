import { describe, expect, it } from '@jest/globals';
import type { Case } from '../src/case.js';
import { groupsOf, select } from '../src/selection.js';

const one = (name: string, more: Partial<Case> = {}): Case => ({
  name,
  happens: '',
  cells: [],
  expected: [],
  ...more
});
const failing = (name: string, more: Partial<Case> = {}) =>
  one(name, {
    expected: [{ code: 'skew', cell: null, severity: 'warning', confidence: 'certain' }],
    ...more
  });
const families = [
  { name: 'well', cases: [one('a', { quick: true }), one('b')] },
  { name: 'ill', cases: [failing('c'), failing('d', { quick: true })] }
];
const names = (wanted: string[]) => select(families, wanted).map(({ name }) => name);

describe('The selected cases', () => {
  it('are all by default', () => expect(names([])).toEqual(['a', 'b', 'c', 'd']));

  it('are selected by name or family, each once and in order', () => {
    expect(names(['ill', 'b', 'c'])).toEqual(['b', 'c', 'd']);
  });

  it('are the healthy or the quick ones on request', () => {
    expect(names(['healthy'])).toEqual(['a', 'b']);
    expect(names(['quick'])).toEqual(['a', 'd']);
  });

  it('cannot be selected by an unknown name', () => {
    expect(() => names(['a', 'skwe'])).toThrow('skwe');
  });
});

describe('Clusters', () => {
  it('are shared by healthy cases without settings', () => {
    const own = [
      one('set', { properties: { 'spark.speculation': 'true' } }),
      one('shaped', { shape: { executorCores: 2 } }),
      one('disturbed', { during: () => Promise.resolve() }),
      failing('fails')
    ];
    const groups = groupsOf([one('a'), ...own, one('b')]);
    expect(groups.map(({ cases }) => cases.map(({ name }) => name))).toEqual([
      ['a', 'b'],
      ['set'],
      ['shaped'],
      ['disturbed'],
      ['fails']
    ]);
  });

  it('are not started without cases', () => expect(groupsOf([])).toEqual([]));
});
