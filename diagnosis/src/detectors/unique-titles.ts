import type { Finding } from '@aglais/protocol';
import { executionCount } from '@aglais/protocol/cell-tag';
import { APPLICATION_SCOPE } from '../application/scopes.js';

/** Lets titles tell findings apart: where the same happened in several places, each names its own. */
export function apart(findings: readonly Finding[]): Finding[] {
  return several(several(findings, placeWords), jobWords);
}

/** Adds words to those titles that more than one finding has. */
function several(
  findings: readonly Finding[],
  words: (finding: Finding) => string | null
): Finding[] {
  const count = new Map<string, number>();
  for (const { title } of findings) count.set(title, (count.get(title) ?? 0) + 1);
  return findings.map(finding => {
    const more = count.get(finding.title) === 1 ? null : words(finding);
    return more === null ? finding : { ...finding, title: `${finding.title}, ${more}` };
  });
}

/** By the scope in its id: `<code>:<scope>`. */
function placeWords({ code, id, subject }: Finding): string | null {
  const scope = id.slice(code.length + 1);
  const { cell, run } = subject;
  if (cell !== undefined)
    return run === undefined ? `in cell ${cell}` : `in cell [${executionCount(run)}]`;
  const [kind, name] = scope.split(':');
  if (scope === APPLICATION_SCOPE) return null;
  return `in ${kind === 'sql' ? 'query' : kind} ${name}`;
}

/** Kernels that were restarted count their cells from 1 again. */
function jobWords({ subject }: Finding): string | null {
  const first = subject.jobs?.[0];
  return first === undefined ? null : `job ${first}`;
}
