import { formatDuration } from '@aglais/diagnosis';
import type { Unread } from '@aglais/protocol';
import { shortened } from '../printable.js';
import { summaryLine, worstFirst, type SummaryRow } from '../summary-rows.js';
import { dayAndTime, SEVERITY_LABELS } from '../report-messages.js';
import { html, trusted, type Html } from './escaped-html.js';
import { STYLE } from './style.js';

const ROWS = 500;
const UNREAD = 50;
const CHARACTERS = 120;

/** A self-contained page: it loads no resources and runs no scripts. */
export function page(title: string, body: readonly (Html | null)[]): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'"
        />
        <title>${title}</title>
        <style>
          ${trusted(STYLE)}
        </style>
      </head>
      <body>
        <main>
          ${body}
          <footer>
            Created by <code>aglais diagnose</code> from a Spark event log. Times are in the time
            zone of the machine that created it.
          </footer>
        </main>
      </body>
    </html> `.text;
}

/** Several applications as a table, linked to their sections below. */
export function summarySection(
  rows: readonly SummaryRow[],
  anchor: (row: SummaryRow) => string | null
): Html {
  const sorted = worstFirst(rows);
  return html`<section>
    <h1>Spark applications</h1>
    <p class="verdict">${summaryLine(rows)}</p>
    <div class="panel scroll">
      <table class="summary">
        <thead>
          <tr>
            <th>Application</th>
            <th>When</th>
            <th class="figure">Duration</th>
            <th class="figure">Findings</th>
            <th>Worst finding</th>
          </tr>
        </thead>
        <tbody>
          ${sorted.slice(0, ROWS).map(row => tableRow(row, anchor(row)))}
        </tbody>
      </table>
      ${sorted.length > ROWS ? html`<p class="note">and ${sorted.length - ROWS} more</p>` : null}
    </div>
  </section>`;
}

function tableRow(row: SummaryRow, anchor: string | null): Html {
  const { id, name, file, startedAt, endedAt, worst, title, findings } = row;
  const label = shortened(id ?? file, CHARACTERS);
  return html`<tr>
    <td>
      ${anchor === null ? label : html`<a href="#${anchor}">${label}</a>`}
      <div class="meta">${shortened(name, CHARACTERS)}</div>
    </td>
    <td class="when">${startedAt === null ? '' : dayAndTime(startedAt)}</td>
    <td class="figure">
      ${startedAt === null || endedAt === null ? '' : formatDuration(Math.max(0, endedAt - startedAt))}
    </td>
    <td class="figure">${findings === 0 ? '–' : findings}</td>
    <td class="${worst ?? 'fine'}">
      ${worst === null ? 'no problems' : `${SEVERITY_LABELS[worst]}: ${shortened(title, CHARACTERS)}`}
    </td>
  </tr>`;
}

export function unreadSection(unread: readonly Unread[]): Html | null {
  if (unread.length === 0) return null;
  const shown = unread.slice(0, UNREAD);
  return html`<section>
    <h2>Could not read</h2>
    <div class="panel">
      <ul>
        ${shown.map(
          ({ path, message }) =>
            html`<li>
              <code>${shortened(path, CHARACTERS)}</code> ${shortened(message, CHARACTERS)}
            </li>`
        )}
      </ul>
      ${unread.length > UNREAD ? html`<p class="note">and ${unread.length - UNREAD} more</p>` : null}
    </div>
  </section>`;
}
