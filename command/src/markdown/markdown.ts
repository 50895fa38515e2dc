import { formatDuration } from '@aglais/diagnosis';
import type { ApplicationReport, Evidence, Finding, Unread } from '@aglais/protocol';
import { oneLine, printable, shortened } from '../printable.js';
import { summaryWords, worstFirst, type SummaryRow } from '../summary-rows.js';
import {
  calmWords,
  CONFIDENCE_WORDS,
  costWords,
  countWords,
  dayAndTime,
  durationWords,
  fileAndLine,
  incompleteWords,
  mostTelling,
  placeWords,
  problemWords,
  seenWords,
  SEVERITY_WORDS,
  SOURCE_WORDS,
  subjectWords,
  timeOfDay,
  titleOf,
  zone
} from '../report-messages.js';

const QUOTES = 5;
const QUOTE_CHARACTERS = 1500;
const PROBLEMS = 5;

/** One application for an issue or a mail: GitHub's Markdown, readable as plain text too. */
export function applicationMarkdown(report: ApplicationReport, heading = '##'): string {
  const { id, name, sparkVersion, startedAt, findings } = report;
  const took = durationWords(report);
  const facts = [
    ...(id !== null && id !== name ? [code(id)] : []),
    ...(sparkVersion === null ? [] : [`Spark ${escaped(sparkVersion)}`]),
    ...(startedAt === null ? [] : [`${dayAndTime(startedAt)} ${zone(startedAt)}`]),
    ...(took === null ? [] : [took])
  ];
  const blocks = [`${heading} ${escaped(titleOf(report))}`, facts.join(' · ')];
  blocks.push(incompleteWords(report) ?? '');
  blocks.push(
    findings.length === 0 ? calmWords(report) : `${countWords(findings)}, the worst first.`
  );
  blocks.push(...findings.map(finding => findingMarkdown(finding, report.files, `${heading}#`)));
  if (report.problemCount > 0) blocks.push(problems(report));
  return `${blocks.filter(block => block !== '').join('\n\n')}\n`;
}

function findingMarkdown(finding: Finding, files: readonly string[], heading: string): string {
  const { severity, title, explanation, effects, advice, evidence } = finding;
  const cost = costWords(finding.cost);
  const subject = subjectWords(finding);
  const facts = [
    ...(cost === null ? [] : [`Cost: ${cost}`]),
    ...(subject === '' ? [] : [`Where: ${escaped(subject)}`]),
    `Seen: ${seenWords(finding)}`,
    `Confidence: ${finding.confidence} (${CONFIDENCE_WORDS[finding.confidence]})`,
    `Code: ${code(finding.code)}`
  ];
  return [
    `${heading} ${SEVERITY_WORDS[severity]}: ${escaped(title)}`,
    escaped(explanation),
    effects.map(effect => `- ${escaped(effect)}`).join('\n'),
    advice.length === 0 ? '' : '**What would help**',
    advice
      .map(item => {
        const conf = item.action === 'set' ? Object.entries(item.conf) : [];
        const settings = conf.map(([key, value]) => `\n  ${code(`${key}=${value}`)}`).join('  ');
        return `- ${escaped(item.sentence)}${settings}`;
      })
      .join('\n'),
    facts.map(fact => `- ${fact}`).join('\n'),
    ...mostTelling(evidence, QUOTES).map(piece => quote(piece, files))
  ]
    .filter(block => block !== '')
    .join('\n\n');
}

function quote({ source, at, quote: words, ref }: Evidence, files: readonly string[]): string {
  const when = at === null ? '' : `, ${timeOfDay(at)}`;
  const text = shortened(printable(words).trim(), QUOTE_CHARACTERS);
  return `${SOURCE_WORDS[source]}${when}, ${code(placeWords(ref, files))}:\n\n${fenced(text)}`;
}

function problems(report: ApplicationReport): string {
  const lines = report.problems
    .slice(0, PROBLEMS)
    .map(problem => `- ${code(fileAndLine(problem))}: ${escaped(problem.message)}`);
  return [problemWords(report)!, '', ...lines].join('\n');
}

/** Many applications as a table, the worst first. */
export function summaryMarkdown(rows: readonly SummaryRow[]): string {
  const cells = worstFirst(rows).map(row => [
    code(row.id ?? row.file),
    escaped(row.name),
    row.startedAt === null ? '' : dayAndTime(row.startedAt),
    row.startedAt === null || row.endedAt === null
      ? ''
      : formatDuration(Math.max(0, row.endedAt - row.startedAt)),
    row.findings === 0 ? '–' : String(row.findings),
    row.worst === null ? 'nothing wrong' : `${SEVERITY_WORDS[row.worst]}: ${escaped(row.title)}`
  ]);
  const lines = [
    '| Application | Name | When | Duration | Findings | Worst finding |',
    '| --- | --- | --- | ---: | ---: | --- |',
    ...cells.map(row => `| ${row.join(' | ')} |`)
  ];
  return `${summaryWords(rows)}\n\n${lines.join('\n')}\n`;
}

export function unreadMarkdown(unread: readonly Unread[]): string {
  return unread
    .map(({ path, message }) => `- Could not read ${code(path)}: ${escaped(message)}`)
    .join('\n');
}

/** Text of others on one line, of which nothing is markup, a link or a mention. */
export function escaped(text: string): string {
  return (
    oneLine(text)
      .replace(/[\\`*_{}[\]<>|~&]/g, '\\$&')
      // A list, a heading or a quote begins only at the beginning of a line.
      .replace(/^(#|[-+](?=\s)|\d+(?=[.)]\s))/, match =>
        /^\d/.test(match) ? `${match}\\` : `\\${match}`
      )
  );
}

/** Code in a line, whatever back-ticks it has; in a table too. */
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
