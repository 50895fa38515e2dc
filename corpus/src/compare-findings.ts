import type { Finding } from '@aglais/protocol';

/**
 * Where the findings of two ways to the same evidence differ; a sentence for each finding.
 * Evidence is named by its file's name and line: the folder differs from one way to the other.
 */
export function differences(live: readonly Finding[], offline: readonly Finding[]): string[] {
  return compare(live, offline, whole);
}

/**
 * The same for Spark's own event log in place of the live events: lines have other numbers there, and heartbeats, which
 * tell how full the heap was, are not in it. So words and advice may differ, but not what they rest on.
 */
export function differencesOfLogs(live: readonly Finding[], log: readonly Finding[]): string[] {
  return compare(live, log, core);
}

/**
 * What the user's own stop made of the findings: executors that go down with their cluster must neither add a finding
 * nor take one over. That a log has no end can only be said at the end.
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
  // What Spark had not written yet when its driver was killed is missing in its own log only.
  if (finding.code === 'application-incomplete') return { confidence: finding.confidence };
  const { code, severity, confidence, subject, cost, count, firstSeen, lastSeen } = finding;
  // Of a session that went with its driver only the log's last line comes from the log.
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
