import type { ApplicationReport, Unread } from '@aglais/protocol';
import { HtmlWriter } from './html/writer.js';
import { jsonText } from './terminal-safe-json.js';
import { applicationMarkdown, summaryMarkdown, unreadMarkdown } from './markdown/markdown.js';
import type { Format } from './options.js';
import { summaryRow, type SummaryRow } from './summary-rows.js';
import { applicationText, type Page } from './text/application.js';
import { summaryText } from './text/summary.js';

/** Writes a piece of a report. */
export type Write = (text: string) => Promise<void>;

/** Writes a report in one format, application by application. */
export interface ReportWriter {
  add(report: ApplicationReport): Promise<void>;
  end(unread: readonly Unread[]): Promise<void>;
}

export interface WriterOptions {
  /** Several applications: start with a table. */
  many: boolean;
  /** For several applications, include the findings of each. */
  details: boolean;
  page: Page;
}

export function reportWriter(format: Format, write: Write, options: WriterOptions): ReportWriter {
  switch (format) {
    case 'json':
      return new JsonWriter(write);
    case 'html':
      return new HtmlWriter(write, options);
    case 'text':
      return new PlainWriter(write, options, {
        application: report => applicationText(report, options.page),
        summary: rows => summaryText(rows, options.page),
        // Printed on standard error instead.
        unread: () => ''
      });
    case 'markdown':
      return new PlainWriter(write, options, {
        application: report => applicationMarkdown(report),
        summary: summaryMarkdown,
        unread: unreadMarkdown
      });
  }
}

interface PlainForm {
  application(report: ApplicationReport): string;
  summary(rows: readonly SummaryRow[]): string;
  unread(unread: readonly Unread[]): string;
}

/** Text and Markdown: one application, or a table of several followed by those with findings. */
class PlainWriter implements ReportWriter {
  readonly #rows: SummaryRow[] = [];
  readonly #details: string[] = [];

  constructor(
    private readonly write: Write,
    private readonly options: WriterOptions,
    private readonly form: PlainForm
  ) {}

  async add(report: ApplicationReport): Promise<void> {
    if (!this.options.many) return this.write(this.form.application(report));
    this.#rows.push(summaryRow(report));
    if (this.options.details && (report.findings.length > 0 || report.problemCount > 0)) {
      this.#details.push(this.form.application(report));
    }
  }

  async end(unread: readonly Unread[]): Promise<void> {
    if (this.#rows.length > 0) await this.write(this.form.summary(this.#rows));
    for (const details of this.#details) await this.write(`\n\n${details}`);
    const words = this.form.unread(unread);
    if (words !== '') await this.write(`\n${words}\n`);
  }
}

/** Writes the published schema incrementally, so that memory does not grow with the number of applications. */
class JsonWriter implements ReportWriter {
  #applications = 0;

  constructor(private readonly write: Write) {}

  async add(report: ApplicationReport): Promise<void> {
    const comma = this.#applications === 0 ? '' : ',';
    const start = this.#applications === 0 ? this.#start() : '';
    this.#applications += 1;
    await this.write(`${start}${comma}\n${indented(jsonText(report, 2), 4)}`);
  }

  async end(unread: readonly Unread[]): Promise<void> {
    const start = this.#applications === 0 ? this.#start() : '\n  ';
    await this.write(
      `${start}],\n  "unread": ${indented(jsonText(unread, 2), 2).trimStart()}\n}\n`
    );
  }

  #start(): string {
    return '{\n  "version": 1,\n  "applications": [';
  }
}

/** JSON escapes line breaks in strings, so every line can be indented. */
function indented(json: string, blanks: number): string {
  return json.replace(/^/gm, ' '.repeat(blanks));
}
