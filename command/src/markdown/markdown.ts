import { formatDuration } from '@aglais/diagnosis';
import type { ApplicationReport, Evidence, Finding, Unread } from '@aglais/protocol';
import { oneLine, printable, shortened } from '../printable.js';
import { summaryLine, worstFirst, type SummaryRow } from '../summary-rows.js';
import {
  noProblemsText,
  CONFIDENCE_LABELS,
  costText,
  countText,
  dayAndTime,
  durationText,
  fileAndLine,
  incompleteNote,
  mostRelevant,
  placeText,
  unreadLinesText,
  seenText,
  SEVERITY_LABELS,
  SOURCE_LABELS,
  subjectText,
  timeOfDay,
  titleOf,
  zone
} from '../report-messages.js';

const QUOTES = 5;
const QUOTE_CHARACTERS = 1500;
const PROBLEMS = 5;

/** One application as GitHub-flavored Markdown, also readable as plain text. */
export function applicationMarkdown(report: ApplicationReport, heading = '##'): string {
  const { id, name, sparkVersion, startedAt, findings } = report;
  const took = durationText(report);
  const facts = [
    ...(id !== null && id !== name ? [code(id)] : []),
    ...(sparkVersion === null ? [] : [`Spark ${escaped(sparkVersion)}`]),
    ...(startedAt === null ? [] : [`${dayAndTime(startedAt)} ${zone(startedAt)}`]),
    ...(took === null ? [] : [took])
  ];
  const blocks = [`${heading} ${escaped(titleOf(report))}`, facts.join(' · ')];
  blocks.push(incompleteNote(report) ?? '');
  blocks.push(
    findings.length === 0 ? noProblemsText(report) : `${countText(findings)}, most severe first.`
  );
  blocks.push(...findings.map(finding => findingMarkdown(finding, report.files, `${heading}#`)));
  if (report.problemCount > 0) blocks.push(problems(report));
  return `${blocks.filter(block => block !== '').join('\n\n')}\n`;
}

function findingMarkdown(finding: Finding, files: readonly string[], heading: string): string {
  const { severity, title, explanation, effects, advice, evidence } = finding;
  const cost = costText(finding.cost);
  const subject = subjectText(finding);
  const facts = [
    ...(cost === null ? [] : [`Cost: ${cost}`]),
    ...(subject === '' ? [] : [`Where: ${escaped(subject)}`]),
    `Seen: ${seenText(finding)}`,
    `Confidence: ${finding.confidence} (${CONFIDENCE_LABELS[finding.confidence]})`,
    `Code: ${code(finding.code)}`
  ];
  return [
    `${heading} ${SEVERITY_LABELS[severity]}: ${escaped(title)}`,
    escaped(explanation),
    effects.map(effect => `- ${escaped(effect)}`).join('\n'),
    advice.length === 0 ? '' : '**Recommendations**',
    advice
      .map(item => {
        const conf = item.action === 'set' ? Object.entries(item.conf) : [];
        const settings = conf.map(([key, value]) => `\n  ${code(`${key}=${value}`)}`).join('  ');
        return `- ${escaped(item.sentence)}${settings}`;
      })
      .join('\n'),
    facts.map(fact => `- ${fact}`).join('\n'),
    ...mostRelevant(evidence, QUOTES).map(piece => quote(piece, files))
  ]
    .filter(block => block !== '')
    .join('\n\n');
}

function quote({ source, at, quote: content, ref }: Evidence, files: readonly string[]): string {
  const when = at === null ? '' : `, ${timeOfDay(at)}`;
  const text = shortened(printable(content).trim(), QUOTE_CHARACTERS);
  return `${SOURCE_LABELS[source]}${when}, ${code(placeText(ref, files))}:\n\n${fenced(text)}`;
}

function problems(report: ApplicationReport): string {
  const lines = report.problems
    .slice(0, PROBLEMS)
    .map(problem => `- ${code(fileAndLine(problem))}: ${escaped(problem.message)}`);
  return [unreadLinesText(report)!, '', ...lines].join('\n');
}

/** Several applications as a table, most severe first. */
export function summaryMarkdown(rows: readonly SummaryRow[]): string {
  const cells = worstFirst(rows).map(row => [
    code(row.id ?? row.file),
    escaped(row.name),
    row.startedAt === null ? '' : dayAndTime(row.startedAt),
    row.startedAt === null || row.endedAt === null
      ? ''
      : formatDuration(Math.max(0, row.endedAt - row.startedAt)),
    row.findings === 0 ? '–' : String(row.findings),
    row.worst === null ? 'no problems' : `${SEVERITY_LABELS[row.worst]}: ${escaped(row.title)}`
  ]);
  const lines = [
    '| Application | Name | When | Duration | Findings | Worst finding |',
    '| --- | --- | --- | ---: | ---: | --- |',
    ...cells.map(row => `| ${row.join(' | ')} |`)
  ];
  return `${summaryLine(rows)}\n\n${lines.join('\n')}\n`;
}

export function unreadMarkdown(unread: readonly Unread[]): string {
  return unread
    .map(({ path, message }) => `- Could not read ${code(path)}: ${escaped(message)}`)
    .join('\n');
}

/** Untrusted text on one line, without markup, links or mentions. */
export function escaped(text: string): string {
  return (
    oneLine(text)
      .replace(/[\\`*_{}[\]<>|~&]/g, '\\$&')
      // Lists, headings and quotes start only at the beginning of a line.
      .replace(/^(#|[-+](?=\s)|\d+(?=[.)]\s))/, match =>
        /^\d/.test(match) ? `${match}\\` : `\\${match}`
      )
  );
}

/** Inline code, with any backticks; also valid in a table. */
export function code(text: string): string {
  const line = oneLine(text).replaceAll('|', '\u2502');
  const ticks = '`'.repeat(1 + longestRun(line));
  const blank = /^`|`$/.test(line) || line === '' ? ' ' : '';
  return `${ticks}${blank}${line}${blank}${ticks}`;
}

function fenced(text: string): string {
  const fence = '`'.repeat(Math.max(3, 1 + longestRun(text)));
  return `${fence}text\n${text}\n${fence}`;
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map(run => run.length));
}
