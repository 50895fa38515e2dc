import { describe, expect, it } from '@jest/globals';
import { families } from '../cases/index.js';

const cases = families.flatMap(family => family.cases);

describe('The cases', () => {
  it('have unique names, which differ from those of families', () => {
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

  it('have names that are valid as cell ids, application ids and directories', () => {
    for (const { name, cells } of cases) {
      expect([name, ...cells.map(cell => cell.name)].join('')).toMatch(/^[a-z-]+$/);
    }
  });

  it('include at least twenty healthy runs', () => {
    expect(cases.filter(({ expected }) => expected.length === 0).length).toBeGreaterThan(20);
  });
});
