import type { Finding } from '@aglais/protocol';
import { APPLICATION_SCOPE } from '../application/scopes.js';

/**
 * Makes titles of equal findings distinct: each gets its query or job. Findings of a cell are shown under
 * their cell, so their titles do not repeat it.
 */
export function distinctTitles(findings: readonly Finding[]): Finding[] {
  return withLabels(withLabels(findings, scopeLabel), jobLabel);
}

/** Adds a label to titles that several findings of one cell, or of none, share. */
function withLabels(
  findings: readonly Finding[],
  label: (finding: Finding) => string | null
): Finding[] {
  const key = ({ title, subject: { cell, run } }: Finding): string =>
    JSON.stringify([cell, run, title]);
  const count = new Map<string, number>();
  for (const finding of findings) count.set(key(finding), (count.get(key(finding)) ?? 0) + 1);
  return findings.map(finding => {
    const more = count.get(key(finding)) === 1 ? null : label(finding);
    return more === null ? finding : { ...finding, title: `${finding.title}, ${more}` };
  });
}

/** "in query 5", by the scope in its id (`<code>:<scope>`); null for a cell or the application. */
function scopeLabel({ code, id, subject }: Finding): string | null {
  const scope = id.slice(code.length + 1);
  if (subject.cell !== undefined || scope === APPLICATION_SCOPE) return null;
  const [kind, name] = scope.split(':');
  return `in ${kind === 'sql' ? 'query' : kind} ${name}`;
}

function jobLabel({ subject }: Finding): string | null {
  const first = subject.jobs?.[0];
  return first === undefined ? null : `job ${first}`;
}
