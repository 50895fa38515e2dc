import type { Finding } from '@aglais/protocol';
import { cellId, type Case, type Expected } from './case.js';

export interface Verdict {
  /** The findings that concern this case. */
  found: Finding[];
  /** What differs from what was expected, one sentence each. */
  differences: string[];
}

/** Clocks of the driver and of the notebook's side are the same, but a span may round up, ms. */
const SLACK_MS = 2_000;

/** When the cluster of a run was there, ms since the epoch, and how many tasks it can run at once. */
export interface RunFrame {
  startedAt: number;
  endedAt: number;
  slots: number;
}

/**
 * Compares what was found with what a case expects: each expected finding once with its cell, severity and confidence,
 * and no other, but for those that may come. Findings of no cell concern every case of the cluster.
 */
export function judge(one: Case, all: readonly Finding[], frame: RunFrame): Verdict {
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

/** Cells that ended otherwise than the case says: then what was to happen did not happen. */
export function endings(
  one: Case,
  reports: readonly { cell: string; outcome: string; error?: { name: string; message: string } }[]
): string[] {
  return one.cells.flatMap(({ name, ends = 'ok' }) => {
    const report = reports.find(({ cell }) => cell === cellId(one.name, name));
    if (report?.outcome === ends) return [];
    const said = report?.error
      ? `: ${report.error.name}: ${report.error.message.slice(0, 300)}`
      : '';
    return [`cell ${name} ended with ${report?.outcome ?? 'nothing'}, not ${ends}${said}`];
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

/** What no finding may say, whatever it is about. */
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
    'has evidence without a quote or a place'
  );
  check(
    firstSeen >= frame.startedAt - SLACK_MS &&
      lastSeen <= frame.endedAt + SLACK_MS &&
      firstSeen <= lastSeen,
    `was seen from ${firstSeen} to ${lastSeen}, the run was from ${frame.startedAt} to ${frame.endedAt}`
  );
  check(!/NaN|Infinity|undefined|\bnull\b/.test(JSON.stringify(wordsOf(finding))), 'says NaN');
  if (cost) {
    const figures = [cost.taskMs, cost.recomputedTasks, cost.wallMs];
    check(
      figures.every(figure => Number.isFinite(figure) && figure >= 0),
      `costs ${figures.join(', ')}`
    );
    check(cost.wallMs <= lengthMs, `held the run up for ${cost.wallMs} of ${lengthMs} ms`);
    check(
      cost.taskMs <= lengthMs * frame.slots,
      `took ${cost.taskMs} ms of tasks; ${frame.slots} × ${lengthMs} ms were to be had`
    );
  }
  return wrong;
}

function wordsOf({ title, explanation, effects, advice }: Finding): unknown {
  return [title, explanation, effects, advice.map(({ sentence }) => sentence)];
}

export function describe({ code, cell, severity, confidence }: Expected): string {
  return `${code} (${[severity].flat().join(' or ')}, ${confidence}${cell === null ? ', of no cell' : ''})`;
}
