import { Buffer } from 'node:buffer';
import type { ApplicationReport } from '@aglais/protocol';
import { shortened } from '../printable.js';
import {
  noProblemsText,
  countText,
  dayAndTime,
  durationText,
  fileAndLine,
  incompleteNote,
  unreadLinesText,
  titleOf,
  worst,
  zone
} from '../report-messages.js';
import { card } from './cards.js';
import { chart, type Lane } from './timeline-chart.js';
import { flagsOf, lanesOf, spanOf } from './timeline-lanes.js';
import { html, type Html } from './escaped-html.js';
import { cachedTables, processTable } from './tables.js';

/** Maximum bytes of cards; with the rest of a page this stays well below 1 MB. */
const CARDS = 350_000;
const TITLES = 200;
const CHARACTERS = 200;
const PROBLEMS = 20;

/** The section about one application. */
export function applicationSection(report: ApplicationReport): Html {
  return html`<section class="application">
    ${header(report)} ${findings(report)} ${timeLine(report)}
    ${cachedTables(report.resources.tables)} ${processTable(report.resources)} ${problems(report)}
  </section>`;
}

function header(report: ApplicationReport): Html {
  const { id, name, sparkVersion, startedAt } = report;
  const incomplete = incompleteNote(report);
  const took = durationText(report);
  const facts = [
    ...(id !== null && id !== name ? [id] : []),
    ...(sparkVersion === null ? [] : [`Spark ${sparkVersion}`]),
    ...(startedAt === null ? [] : [`${dayAndTime(startedAt)} ${zone(startedAt)}`]),
    ...(took === null ? [] : [took])
  ];
  return html`<header>
    <h1>${shortened(titleOf(report), CHARACTERS)}</h1>
    <p class="facts">${shortened(facts.join(' · '), 2 * CHARACTERS)}</p>
    <p class="verdict ${worst(report) ?? 'fine'}">
      ${report.findings.length === 0 ? noProblemsText(report) : countText(report.findings)}
    </p>
    ${incomplete === null ? null : html`<p class="facts">${incomplete}</p>`}
  </header>`;
}

/** As many cards as fit, the most severe first; the others by title. */
function findings(report: ApplicationReport): Html | null {
  if (report.findings.length === 0) return null;
  const cards: Html[] = [];
  let size = 0;
  for (const finding of report.findings) {
    const next = card(finding, cards.length + 1, report.files);
    size += Buffer.byteLength(next.text);
    if (size > CARDS) break;
    cards.push(next);
  }
  const others = report.findings.slice(cards.length);
  const unnamed = others.length - TITLES;
  return html`<section aria-label="Findings">
    <h2>What happened</h2>
    ${cards}
    ${
      others.length === 0
        ? null
        : html`<div class="panel">
            <h3>And ${others.length} more</h3>
            <ol start="${cards.length + 1}">
              ${others.slice(0, TITLES).map(({ title }) => html`<li>${shortened(title, CHARACTERS)}</li>`)}
            </ol>
            ${unnamed > 0 ? html`<p class="note">${unnamed} more in the JSON format of this report.</p>` : null}
          </div>`
    }
  </section>`;
}

function timeLine(report: ApplicationReport): Html | null {
  const span = spanOf(report);
  if (!span) return null;
  const lanes = lanesOf(report, span);
  if (lanes.every(({ rows }) => rows.length === 0)) return null;
  return html`<section>
    <h2>Timeline</h2>
    <div class="panel">${chart(span, flagsOf(report), lanes)} ${legend(lanes)}</div>
  </section>`;
}

/** The legend of the colors in use. */
function legend(lanes: readonly Lane[]): Html {
  const rows = lanes.flatMap(lane => lane.rows);
  const kinds = new Set<string>(
    rows.flatMap(({ bars, marks, area }) => [
      ...[...bars, ...marks].map(({ kind }) => kind),
      ...(area?.layers ?? [])
    ])
  );
  const entries = LEGEND.filter(([kind]) => kinds.has(kind));
  return html`<div class="legend">
    ${entries.map(([kind, words]) => html`<span><i class="${kind}"></i>${words}</span> `)}
  </div>`;
}

const LEGEND = [
  ['good', 'succeeded'],
  ['bad', 'failed'],
  ['open', 'running'],
  ['again', 'retry'],
  ['other', 'cancelled'],
  ['life', 'executor running'],
  ['killed', 'executor killed'],
  ['lost', 'executor lost'],
  ['gone', 'executor removed as planned'],
  ['heap', 'Java heap'],
  ['python', 'Python'],
  ['rest', 'other memory']
] as const;

function problems(report: ApplicationReport): Html | null {
  const words = unreadLinesText(report);
  if (words === null) return null;
  const more = report.problemCount - Math.min(PROBLEMS, report.problems.length);
  return html`<section>
    <h2>Unreadable input</h2>
    <div class="panel">
      <p>${words}</p>
      <ul>
        ${report.problems
          .slice(0, PROBLEMS)
          .map(
            problem =>
              html`<li>
                <code>${fileAndLine(problem)}</code> ${shortened(problem.message, CHARACTERS)}
              </li>`
          )}
      </ul>
      ${more > 0 ? html`<p class="note">and ${more} more</p>` : null}
    </div>
  </section>`;
}
