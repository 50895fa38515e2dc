import { describe, expect, it } from '@jest/globals';
import type { Case, Expected } from '../src/case.js';
import { unexpectedOutcomes, checkFindings } from '../src/check-findings.js';
import { finding, FRAME } from './findings.js';

const EXPECTED: Expected = {
  code: 'executor-lost',
  cell: 'a',
  severity: 'warning',
  confidence: 'likely'
};
const caseOf = (...expected: Expected[]): Case => ({
  name: 'case',
  happens: '',
  cells: [
    { name: 'a', code: '' },
    { name: 'b', code: '' }
  ],
  expected
});
const differences = (expected: Expected[], ...found: ReturnType<typeof finding>[]) =>
  checkFindings(caseOf(...expected), found, FRAME).differences;

describe('A run is as expected', () => {
  it('when it has exactly the expected findings', () => {
    expect(differences([EXPECTED], finding())).toEqual([]);
    expect(differences([])).toEqual([]);
  });

  it('whatever findings other cells on the same cluster have', () => {
    expect(differences([], finding({ subject: { cell: 'other.a' } }))).toEqual([]);
  });
});

describe('A run is not as expected', () => {
  it.each([
    ['a finding is missing', [EXPECTED], [], /missing: executor-lost/],
    ['there is one more', [], [finding()], /not expected: executor-lost/],
    ['it is result twice', [EXPECTED], [finding(), finding()], /not expected: executor-lost/],
    ['it is about another cell', [{ ...EXPECTED, cell: 'b' }], [finding()], /missing.*\n.*not exp/],
    ['it is about no cell', [EXPECTED], [finding({ subject: {} })], /missing.*\n.*not expected/],
    [
      'it is of another severity',
      [EXPECTED],
      [finding({ severity: 'error' })],
      /severity is error/
    ],
    ['it is too sure', [EXPECTED], [finding({ confidence: 'certain' })], /confidence is certain/],
    [
      'its figures are wrong',
      [{ ...EXPECTED, figures: () => 'says 3 losses' }],
      [finding()],
      /says 3 losses/
    ]
  ])('when %s', (_why, expected, found, result) => {
    expect(differences(expected, ...found).join('\n')).toMatch(result);
  });

  it.each([
    ['has no evidence', finding({ evidence: [] })],
    ['without a quote', finding({ evidence: [{ ...finding().evidence[0]!, quote: '' }] })],
    ['was seen from', finding({ firstSeen: 0 })],
    ['was seen from', finding({ lastSeen: Infinity })],
    ['delayed the run', finding({ cost: { taskMs: 0, recomputedTasks: 0, wallMs: 90_000 } })],
    ['ms of task time', finding({ cost: { taskMs: 200_000, recomputedTasks: 0, wallMs: 0 } })],
    ['costs', finding({ cost: { taskMs: NaN, recomputedTasks: 0, wallMs: 0 } })],
    ['contains NaN', finding({ title: 'It used NaN MiB' })]
  ])('when a finding %s', (result, wrong) => {
    expect(differences([EXPECTED], wrong).join('\n')).toContain(result);
  });
});

describe('Cells', () => {
  const reports = (outcome: string) => [
    { cell: 'case.a', outcome, error: { name: 'ValueError', message: 'no stars' } },
    { cell: 'case.b', outcome: 'ok' }
  ];

  it('must have the expected outcome, otherwise the situation did not occur', () => {
    const [result] = unexpectedOutcomes(caseOf(), reports('error'));
    expect(result).toBe('cell a ended with error, not ok: ValueError: no stars');
    expect(unexpectedOutcomes(caseOf(), reports('ok'))).toEqual([]);
  });

  it('must end', () => {
    expect(unexpectedOutcomes(caseOf(), [])).toHaveLength(2);
  });
});
