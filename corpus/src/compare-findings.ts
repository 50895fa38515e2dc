import type { Finding } from '@aglais/protocol';

/**
 * Differences between the findings of two diagnoses of the same evidence, one sentence each. References are compared by
 * file name and line, because the directories differ.
 */
export function differences(live: readonly Finding[], offline: readonly Finding[]): string[] {
  return compare(live, offline, whole);
}

/**
 * The same for Spark's own event log instead of the live events: line numbers differ, and it has no heartbeats with the
 * heap use. So texts and advice may differ, but not the facts.
 */
export function differencesOfLogs(live: readonly Finding[], log: readonly Finding[]): string[] {
  return compare(live, log, core);
}

/**
 * Differences that stopping the cluster made: executors that end with their cluster must neither add nor change a finding.
 * Only an incomplete log can first be reported at the end.
 */
export function differencesByStop(before: readonly Finding[], after: readonly Finding[]): string[] {
  const known = ({ code }: Finding): boolean => code !== 'application-incomplete';
  return compare(before.filter(known), after.filter(known), ({ severity }) => ({ severity })).map(
    text => text.replace('live only', 'before the stop only').replace('in the files', 'after it')
  );
}

function compare(
  live: readonly Finding[],
  other: readonly Finding[],
  view: (finding: Finding) => Record<string, unknown>
): string[] {
  const ids = [...new Set([...live, ...other].map(({ id }) => id))];
  return ids.flatMap(id => {
    const a = live.find(finding => finding.id === id);
    const b = other.find(finding => finding.id === id);
    if (!a || !b) return [`${id} was found ${a ? 'live only' : 'in the files only'}`];
    const [left, right] = [view(a), view(b)];
    return Object.keys(left)
      .filter(field => JSON.stringify(left[field]) !== JSON.stringify(right[field]))
      .map(
        field => `${id}: ${field} live ${clip(left[field])}, in the files ${clip(right[field])}`
      );
  });
}

const whole = (finding: Finding): Record<string, unknown> => ({
  ...finding,
  evidence: finding.evidence.map(one => ({ ...one, ref: one.ref.split('/').at(-1) }))
});

const core = (finding: Finding): Record<string, unknown> => {
  // Events that Spark had not written when its driver was killed are missing in its own log only.
  if (finding.code === 'application-incomplete') return { confidence: finding.confidence };
  const { code, severity, confidence, subject, cost, count, firstSeen, lastSeen } = finding;
  // For a session lost with its driver, only the last line of the log comes from the log.
  const own = finding.evidence.filter(
    ({ source }) => code !== 'session-lost' || source !== 'eventlog'
  );
  const quotes = own.map(({ source, at, quote }) => ({ source, at, quote }));
  return { code, severity, confidence, subject, cost, count, firstSeen, lastSeen, quotes };
};

function clip(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}
