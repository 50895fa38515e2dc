import type { Finding } from '@aglais/protocol';
import { cellId, type Case, type Expected } from './case.js';

export interface CheckResult {
  /** The findings about this case. */
  found: Finding[];
  /** Differences from the expected findings, one sentence each. */
  differences: string[];
}

/** Tolerance for rounded times, ms. */
const SLACK_MS = 2_000;

/** Lifetime of the cluster, ms since the epoch, and the number of tasks that it can run at once. */
export interface RunFrame {
  startedAt: number;
  endedAt: number;
  slots: number;
}

/**
 * Compares findings with what a case expects: each expected finding once, with its cell, severity and confidence, and no
 * others except optional ones. Findings without a cell count for every case of the cluster.
 */
export function checkFindings(one: Case, all: readonly Finding[], frame: RunFrame): CheckResult {
  const own = new Set(one.cells.map(cell => cellId(one.name, cell.name)));
  const found = all.filter(({ subject: { cell } }) => cell === undefined || own.has(cell));
  const left = [...found];
  const differences: string[] = [];
  for (const expected of one.expected) {
    const index = left.findIndex(finding => isAbout(finding, expected, one.name));
    if (index < 0) {
      differences.push(`missing: ${describe(expected)}`);
      continue;
    }
    const [finding] = left.splice(index, 1);
    differences.push(...compare(finding!, expected));
  }
  for (const finding of left) {
    if (one.may?.includes(finding.code)) continue;
    differences.push(`not expected: ${finding.code} (${finding.severity}): ${finding.explanation}`);
  }
  differences.push(...found.flatMap(finding => implausible(finding, frame)));
  return { found, differences };
}

/** Cells with another outcome than expected: the situation did not occur. */
export function unexpectedOutcomes(
  one: Case,
  reports: readonly { cell: string; outcome: string; error?: { name: string; message: string } }[]
): string[] {
  return one.cells.flatMap(({ name, ends = 'ok' }) => {
    const report = reports.find(({ cell }) => cell === cellId(one.name, name));
    if (report?.outcome === ends) return [];
    const error = report?.error
      ? `: ${report.error.name}: ${report.error.message.slice(0, 300)}`
      : '';
    return [`cell ${name} ended with ${report?.outcome ?? 'nothing'}, not ${ends}${error}`];
  });
}

function isAbout(finding: Finding, { code, cell }: Expected, name: string): boolean {
  const wanted = cell === null ? undefined : cellId(name, cell);
  return finding.code === code && finding.subject.cell === wanted;
}

function compare(finding: Finding, expected: Expected): string[] {
  const { code } = expected;
  const wrong = expected.figures?.(finding) ?? null;
  return [
    ...(['severity', 'confidence'] as const)
      .filter(field => ![expected[field]].flat().includes(finding[field]))
      .map(
        field => `${code}: ${field} is ${finding[field]}, not ${[expected[field]].join(' or ')}`
      ),
    ...(wrong === null ? [] : [`${code}: ${wrong}`])
  ];
}

/** Errors that no finding may have, whatever it is about. */
export function implausible(finding: Finding, frame: RunFrame): string[] {
  const { code, cost, count, evidence, firstSeen, lastSeen } = finding;
  const lengthMs = frame.endedAt - frame.startedAt + SLACK_MS;
  const wrong: string[] = [];
  const check = (holds: boolean, what: string) => {
    if (!holds) wrong.push(`${code}: ${what}`);
  };
  check(count >= 1 && Number.isInteger(count), `counted ${count} times`);
  check(evidence.length > 0, 'has no evidence');
  check(
    evidence.every(({ quote, ref }) => quote !== '' && ref !== ''),
    'has evidence without a quote or a reference'
  );
  check(
    firstSeen >= frame.startedAt - SLACK_MS &&
      lastSeen <= frame.endedAt + SLACK_MS &&
      firstSeen <= lastSeen,
    `was seen from ${firstSeen} to ${lastSeen}, the run was from ${frame.startedAt} to ${frame.endedAt}`
  );
  check(!/NaN|Infinity|undefined|\bnull\b/.test(JSON.stringify(textsOf(finding))), 'contains NaN');
  if (cost) {
    const figures = [cost.taskMs, cost.recomputedTasks, cost.wallMs];
    check(
      figures.every(figure => Number.isFinite(figure) && figure >= 0),
      `costs ${figures.join(', ')}`
    );
    check(cost.wallMs <= lengthMs, `delayed the run by ${cost.wallMs} of ${lengthMs} ms`);
    check(
      cost.taskMs <= lengthMs * frame.slots,
      `has ${cost.taskMs} ms of task time; ${frame.slots} × ${lengthMs} ms were available`
    );
  }
  return wrong;
}

function textsOf({ title, explanation, effects, advice }: Finding): unknown {
  return [title, explanation, effects, advice.map(({ sentence }) => sentence)];
}

export function describe({ code, cell, severity, confidence }: Expected): string {
  return `${code} (${[severity].flat().join(' or ')}, ${confidence}${cell === null ? ', no cell' : ''})`;
}
