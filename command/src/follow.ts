import { stat } from 'node:fs/promises';
import { Diagnosis } from '@aglais/diagnosis';
import type { ApplicationReport, Finding } from '@aglais/protocol';
import { reportOn, since } from './application-report.js';
import { readEvidence } from './evidence-files.js';
import { followEventLog } from './follow-event-log.js';
import { jsonText } from './terminal-safe-json.js';
import { plainError } from './logs.js';
import type { Options } from './options.js';
import { oneLine } from './printable.js';
import { EXIT_UNREADABLE, hasProblems, EXIT_OK, EXIT_FINDINGS } from './exit-status.js';
import { fileSink, pageOf, replaceFile, type Sink, type Terminal } from './terminal.js';
import { applicationText, findingText, type Page } from './text/application.js';
import { timeOfDay } from './report-messages.js';
import { reportWriter, type Write } from './writers.js';

/** Findings change with every failed task: they are printed when the log pauses for this long, ms. */
const PAUSE_MS = 400;
/** They are printed at the latest after this time, ms. */
const LATEST_MS = 3_000;

/** Follows a growing log and prints what changes, until the signal. Returns the exit status. */
export async function follow(
  options: Options,
  terminal: Terminal,
  stdout: Sink,
  signal: AbortSignal
): Promise<number> {
  const path = options.paths[0]!;
  const files = [path, ...options.evidence.map(file => file.path)];
  const unread = new Set<string>();
  const reportUnread = (file: string, message: string): void => {
    const words = `Could not read ${oneLine(file)}: ${oneLine(message)}\n`;
    if (!unread.has(words)) terminal.stderr.write(words);
    unread.add(words);
  };
  const diagnosis = new Diagnosis();
  await readEvidence(diagnosis, options.evidence, reportUnread);
  const report = (): ApplicationReport => since(reportOn(diagnosis, files), options.since);
  const page = pageOf(options.output === null ? terminal.stdout : null, terminal.env);
  const streams = options.format === 'text' || options.format === 'json';
  const sink = streams && options.output !== null ? fileSink(options.output) : stdout;
  const output = streams
    ? new ChangeStream(options.format === 'json' ? jsonChange : textChange(files, page), text =>
        sink.write(text)
      )
    : new ReportFile(options, page);
  if (!(await exists(path)) && path !== '-') {
    terminal.stderr.write(`Waiting for ${oneLine(path)} …\n`);
  }
  const read = (both: AbortSignal, onChange: () => void): Promise<void> =>
    followEventLog(diagnosis, path, both, onChange);
  try {
    await watch(read, signal, async () => {
      if (!sink.closed) await output.update(report());
      return !sink.closed;
    });
  } catch (error) {
    reportUnread(path, plainError(error));
  }
  await sink.close();
  if (unread.size > 0) return EXIT_UNREADABLE;
  return hasProblems(report()) ? EXIT_FINDINGS : EXIT_OK;
}

/** Reads, and calls `print` when the log pauses, as long as it returns true. */
async function watch(
  read: (signal: AbortSignal, onChange: () => void) => Promise<void>,
  signal: AbortSignal,
  print: () => Promise<boolean>
): Promise<void> {
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  let newest = 0;
  let waitingSince: number | null = null;
  let printing: Promise<void> = Promise.resolve();
  const printNow = async (): Promise<void> => {
    waitingSince = null;
    if (!(await print())) ended.abort();
  };
  const timer = setInterval(() => {
    const now = performance.now();
    if (waitingSince === null) return;
    if (now - newest >= PAUSE_MS || now - waitingSince >= LATEST_MS) {
      printing = printing.then(printNow);
    }
  }, PAUSE_MS / 2);
  try {
    await read(both, () => {
      newest = performance.now();
      waitingSince ??= newest;
    });
  } finally {
    clearInterval(timer);
  }
  await printing;
  await print();
}

type Change =
  | { kind: 'start'; report: ApplicationReport }
  | { kind: 'new' | 'changed'; finding: Finding }
  | { kind: 'withdrawn'; finding: Finding }
  | { kind: 'end'; report: ApplicationReport };

/** Prints each change once, as a stream. */
class ChangeStream {
  #printed: Map<string, { text: string; finding: Finding }> | null = null;
  #ended = false;

  constructor(
    private readonly format: (change: Change) => string,
    private readonly write: Write
  ) {}

  async update(report: ApplicationReport): Promise<void> {
    for (const change of this.#changes(report)) {
      const text = this.format(change);
      if (text !== '') await this.write(text);
    }
  }

  *#changes(report: ApplicationReport): Generator<Change> {
    const now = new Map(
      report.findings.map(finding => [finding.id, { text: JSON.stringify(finding), finding }])
    );
    const before = this.#printed;
    this.#printed = now;
    if (before === null) yield { kind: 'start', report };
    for (const [id, { text, finding }] of now) {
      const known = before?.get(id);
      if (before && !known) yield { kind: 'new', finding };
      else if (known && known.text !== text) yield { kind: 'changed', finding };
    }
    for (const [id, { finding }] of before ?? []) {
      if (!now.has(id)) yield { kind: 'withdrawn', finding };
    }
    if (report.complete && !this.#ended) {
      this.#ended = true;
      if (before) yield { kind: 'end', report };
    }
  }
}

/** Keeps a file of the whole report up to date. */
class ReportFile {
  #written = '';

  constructor(
    private readonly options: Options,
    private readonly page: Page
  ) {}

  async update(report: ApplicationReport): Promise<void> {
    let text = '';
    const write: Write = piece => {
      text += piece;
      return Promise.resolve();
    };
    const { format, output } = this.options;
    const writer = reportWriter(format, write, { many: false, details: true, page: this.page });
    await writer.add(report);
    await writer.end([]);
    if (text === this.#written) return;
    await replaceFile(output!, text);
    this.#written = text;
  }
}

function textChange(files: readonly string[], page: Page): (change: Change) => string {
  return change => {
    switch (change.kind) {
      case 'start':
        return applicationText(change.report, page);
      case 'new':
        return `\n${findingText(change.finding, files, page)}\n`;
      case 'changed':
        return `\n${page.paint.faint('Updated:')}\n${findingText(change.finding, files, page)}\n`;
      case 'withdrawn':
        return `\n${page.paint.faint(`Withdrawn because of later evidence: ${oneLine(change.finding.title)}`)}\n`;
      case 'end':
        return `\n${page.paint.faint(`The application ended at ${timeOfDay(change.report.endedAt ?? NaN)}. Press Ctrl-C to exit.`)}\n`;
    }
  };
}

/** One line of JSON for each change. */
function jsonChange(change: Change): string {
  switch (change.kind) {
    case 'start':
      return change.report.findings
        .map(finding => `${jsonText({ change: 'new', finding })}\n`)
        .join('');
    case 'new':
    case 'changed':
      return `${jsonText({ change: change.kind, finding: change.finding })}\n`;
    case 'withdrawn':
      return `${jsonText({ change: 'withdrawn', id: change.finding.id })}\n`;
    case 'end':
      return `${jsonText({ change: 'ended', at: change.report.endedAt })}\n`;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false
  );
}
