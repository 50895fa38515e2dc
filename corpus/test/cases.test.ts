import { describe, expect, it } from '@jest/globals';
import { families } from '../cases/index.js';

const cases = families.flatMap(family => family.cases);

describe('The cases', () => {
  it('have names of their own, which families have not', () => {
    const names = [...cases, ...families].map(({ name }) => name);
    expect(names).toEqual([...new Set(names)]);
  });

  it('expect findings only of cells that they have', () => {
    for (const { name, cells, expected } of cases) {
      const own = [null, ...cells.map(cell => cell.name)];
      for (const { cell } of expected)
        expect([name, own]).toEqual([name, expect.arrayContaining([cell])]);
    }
  });

  it('have names that can be cell ids, application ids and folders', () => {
    for (const { name, cells } of cases) {
      expect([name, ...cells.map(cell => cell.name)].join('')).toMatch(/^[a-z-]+$/);
    }
  });

  it('hold at least twenty healthy runs', () => {
    expect(cases.filter(({ expected }) => expected.length === 0).length).toBeGreaterThan(20);
  });
});
