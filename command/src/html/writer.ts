import { Buffer } from 'node:buffer';
import type { ApplicationReport, Unread } from '@aglais/protocol';
import { summaryRow, worstFirst, type SummaryRow } from '../summary-rows.js';
import { titleOf } from '../report-messages.js';
import type { ReportWriter, Write, WriterOptions } from '../writers.js';
import { applicationSection } from './application.js';
import { page, summarySection, unreadSection } from './page.js';
import { html, type Html } from './escaped-html.js';

/** Maximum bytes of the sections of several applications, so that the page stays small. */
const SECTIONS = 500_000;

/** One page: for several applications a table and the sections of the most severe ones. */
export class HtmlWriter implements ReportWriter {
  readonly #rows: SummaryRow[] = [];
  readonly #sections = new Map<SummaryRow, Html>();
  #title = 'Spark applications';

  constructor(
    private readonly write: Write,
    private readonly options: Pick<WriterOptions, 'many'>
  ) {}

  add(report: ApplicationReport): Promise<void> {
    const row = summaryRow(report);
    this.#rows.push(row);
    if (!this.options.many) this.#title = titleOf(report);
    if (!this.options.many || report.findings.length > 0 || report.problemCount > 0) {
      this.#sections.set(row, applicationSection(report));
      if (this.options.many) this.#dropLeastSevere();
    }
    return Promise.resolve();
  }

  async end(unread: readonly Unread[]): Promise<void> {
    const shown = worstFirst([...this.#sections.keys()]);
    const anchors = new Map(shown.map((row, index) => [row, `application-${index + 1}`]));
    const body = [
      this.options.many || this.#rows.length === 0
        ? summarySection(this.#rows, row => anchors.get(row) ?? null)
        : null,
      unreadSection(unread),
      ...shown.map(row => html`<div id="${anchors.get(row)!}">${this.#sections.get(row)!}</div>`)
    ];
    await this.write(page(this.#title, body));
  }

  #dropLeastSevere(): void {
    let size = [...this.#sections.values()].reduce((sum, section) => sum + bytesOf(section), 0);
    for (const row of worstFirst([...this.#sections.keys()]).reverse()) {
      if (size <= SECTIONS) return;
      size -= bytesOf(this.#sections.get(row)!);
      this.#sections.delete(row);
    }
  }
}

function bytesOf({ text }: Html): number {
  return Buffer.byteLength(text);
}
