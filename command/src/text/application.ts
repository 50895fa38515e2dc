import type { Advice, ApplicationReport, Evidence, Finding } from '@aglais/protocol';
import { firstLines, oneLine } from '../printable.js';
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
import { paragraph } from './layout.js';
import type { Paint } from './paint.js';

/** Where text is written. */
export interface Page {
  /** Columns. */
  width: number;
  /** Columns for tables; infinite if they are not cut. */
  tableWidth: number;
  paint: Paint;
}

/** Maximum width of text, even on wider terminals. */
const MAX_WIDTH = 110;
const QUOTES = 3;
const QUOTE_LINES = 3;
const QUOTE_CHARACTERS = 300;
const PROBLEMS = 3;

/** The report about one application as text. */
export function applicationText(report: ApplicationReport, page: Page): string {
  const { findings } = report;
  const blocks = [headerText(report, page)];
  blocks.push(
    findings.length === 0
      ? page.paint.good(noProblemsText(report))
      : page.paint.strong(`${countText(findings)}, most severe first:`)
  );
  blocks.push(...findings.map(finding => findingText(finding, report.files, page)));
  if (report.problemCount > 0) blocks.push(problemsText(report, page));
  return `${blocks.join('\n\n')}\n`;
}

function headerText(report: ApplicationReport, { width, paint }: Page): string {
  const { id, name, sparkVersion, startedAt } = report;
  const incomplete = incompleteNote(report);
  const took = durationText(report);
  const facts = [
    ...(id !== null && id !== name ? [oneLine(id)] : []),
    ...(sparkVersion === null ? [] : [`Spark ${oneLine(sparkVersion)}`]),
    ...(startedAt === null ? [] : [`${dayAndTime(startedAt)} ${zone(startedAt)}`]),
    ...(took === null ? [] : [took])
  ];
  return [
    paint.strong(oneLine(titleOf(report))),
    paint.faint(paragraph(facts.join(' · '), width, '')),
    ...(incomplete === null ? [] : [paragraph(incomplete, width, '')])
  ]
    .filter(line => line !== '')
    .join('\n');
}

/** One finding: what happened, its effects, recommendations and evidence. */
export function findingText(
  finding: Finding,
  files: readonly string[],
  { width, paint }: Page
): string {
  const room = Math.min(width, MAX_WIDTH);
  const cost = costText(finding.cost);
  const subject = oneLine(subjectText(finding));
  const seen = seenText(finding);
  const text = (words: string, indent = '  ', first = indent): string =>
    paragraph(words, room, indent, first);
  const lines = [
    text(
      `${paint.severity(finding.severity, SEVERITY_LABELS[finding.severity])}  ` +
        paint.strong(oneLine(finding.title)),
      '  ',
      ''
    ),
    text(oneLine(finding.explanation)),
    ...finding.effects.map(effect => text(oneLine(effect), '    ', '  - '))
  ];
  if (finding.advice.length > 0) {
    lines.push('', ...finding.advice.flatMap(advice => adviceLines(advice, text, paint)), '');
  }
  if (cost !== null) lines.push(paint.faint(text(`Cost: ${cost}.`)));
  if (subject !== '') lines.push(paint.faint(text(`Where: ${subject}`)));
  lines.push(paint.faint(text(`Seen: ${seen}; ${CONFIDENCE_LABELS[finding.confidence]}`)));
  lines.push(...evidenceLines(finding.evidence, files, text, paint));
  return lines.join('\n');
}

type Text = (words: string, indent?: string, first?: string) => string;

function adviceLines(advice: Advice, text: Text, paint: Paint): string[] {
  const lines = [text(oneLine(advice.sentence), '    ', '  > ')];
  if (advice.action === 'set') {
    for (const [name, value] of Object.entries(advice.conf)) {
      lines.push(paint.strong(text(oneLine(`${name}=${value}`), '      ')));
    }
  }
  return lines;
}

function evidenceLines(
  evidence: readonly Evidence[],
  files: readonly string[],
  text: Text,
  paint: Paint
): string[] {
  const lines = mostRelevant(evidence, QUOTES).flatMap(({ source, at, quote, ref }) => [
    ...firstLines(quote, QUOTE_LINES, QUOTE_CHARACTERS).map(line => text(line, '  | ')),
    paint.faint(
      text(
        [
          SOURCE_LABELS[source],
          ...(at === null ? [] : [timeOfDay(at)]),
          oneLine(placeText(ref, files))
        ].join(', '),
        '    '
      )
    )
  ]);
  const more = evidence.length - QUOTES;
  return more > 0
    ? [...lines, paint.faint(text(`${more} more with --format json`, '    '))]
    : lines;
}

function problemsText(report: ApplicationReport, { width, paint }: Page): string {
  const { problems } = report;
  return [
    paint.strong(unreadLinesText(report)!),
    ...problems
      .slice(0, PROBLEMS)
      .map(problem =>
        paint.faint(
          paragraph(oneLine(`${fileAndLine(problem)}: ${problem.message}`), width, '    ', '  ')
        )
      )
  ].join('\n');
}
