import { stat } from 'node:fs/promises';
import { Diagnosis } from '@aglais/diagnosis';
import type { ApplicationReport, Finding } from '@aglais/protocol';
import { reportOn, since } from './application-report.js';
import { readEvidence } from './evidence-files.js';
import { growingLog } from './follow-event-log.js';
import { jsonText } from './terminal-safe-json.js';
import { plainError } from './logs.js';
import type { Options } from './options.js';
import { oneLine } from './printable.js';
import { COULD_NOT_READ, isWrong, NOTHING_WRONG, SOMETHING_WRONG } from './exit-status.js';
import { fileSink, pageOf, replaceFile, type Sink, type Terminal } from './terminal.js';
import { applicationText, findingText, type Page } from './text/application.js';
import { timeOfDay } from './report-messages.js';
import { reportWriter, type Write } from './writers.js';

/** Findings change with every task that fails: they are told when the log pauses this long, */
const PAUSE_MS = 400;
/** or at the latest after this. */
const LATEST_MS = 3_000;

/** Watches one log that grows and tells what changes, until the signal. Returns the exit status. */
export async function follow(
  options: Options,
  terminal: Terminal,
  stdout: Sink,
  signal: AbortSignal
): Promise<number> {
  const path = options.paths[0]!;
  const files = [path, ...options.evidence.map(file => file.path)];
  const unread = new Set<string>();
  const complain = (file: string, message: string): void => {
    const words = `Could not read ${oneLine(file)}: ${oneLine(message)}\n`;
    if (!unread.has(words)) terminal.stderr.write(words);
    unread.add(words);
  };
  const diagnosis = new Diagnosis();
  await readEvidence(diagnosis, options.evidence, complain);
  const report = (): ApplicationReport => since(reportOn(diagnosis, files), options.since);
  const page = pageOf(options.output === null ? terminal.stdout : null, terminal.env);
  const streams = options.format === 'text' || options.format === 'json';
  const sink = streams && options.output !== null ? fileSink(options.output) : stdout;
  const watcher = streams
    ? new Teller(options.format === 'json' ? jsonChange : textChange(files, page), text =>
        sink.write(text)
      )
    : new Keeper(options, page);
  if (!(await exists(path)) && path !== '-') {
    terminal.stderr.write(`Waiting for ${oneLine(path)} …\n`);
  }
  const read = (both: AbortSignal, onChange: () => void): Promise<void> =>
    growingLog(diagnosis, path, both, onChange);
  try {
    await watch(read, signal, async () => {
      if (!sink.closed) await watcher.tell(report());
      return !sink.closed;
    });
  } catch (error) {
    complain(path, plainError(error));
  }
  await sink.close();
  if (unread.size > 0) return COULD_NOT_READ;
  return isWrong(report()) ? SOMETHING_WRONG : NOTHING_WRONG;
}

/** Reads, and calls `tell` in the pauses of what is read, as long as that says true. */
async function watch(
  read: (signal: AbortSignal, onChange: () => void) => Promise<void>,
  signal: AbortSignal,
  tell: () => Promise<boolean>
): Promise<void> {
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  let newest = 0;
  let waitingSince: number | null = null;
  let telling: Promise<void> = Promise.resolve();
  const tellNow = async (): Promise<void> => {
    waitingSince = null;
    if (!(await tell())) ended.abort();
  };
  const timer = setInterval(() => {
    const now = performance.now();
    if (waitingSince === null) return;
    if (now - newest >= PAUSE_MS || now - waitingSince >= LATEST_MS) {
      telling = telling.then(tellNow);
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
  await telling;
  await tell();
}

type Change =
  | { kind: 'start'; report: ApplicationReport }
  | { kind: 'new' | 'changed'; finding: Finding }
  | { kind: 'withdrawn'; finding: Finding }
  | { kind: 'end'; report: ApplicationReport };

/** Tells each change once, as a stream. */
class Teller {
  #told: Map<string, { text: string; finding: Finding }> | null = null;
  #ended = false;

  constructor(
    private readonly words: (change: Change) => string,
    private readonly write: Write
  ) {}

  async tell(report: ApplicationReport): Promise<void> {
    for (const change of this.#changes(report)) {
      const words = this.words(change);
      if (words !== '') await this.write(words);
    }
  }

  *#changes(report: ApplicationReport): Generator<Change> {
    const now = new Map(
      report.findings.map(finding => [finding.id, { text: JSON.stringify(finding), finding }])
    );
    const before = this.#told;
    this.#told = now;
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
class Keeper {
  #written = '';

  constructor(
    private readonly options: Options,
    private readonly page: Page
  ) {}

  async tell(report: ApplicationReport): Promise<void> {
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
        return `\n${page.paint.faint('Now known better:')}\n${findingText(change.finding, files, page)}\n`;
      case 'withdrawn':
        return `\n${page.paint.faint(`Taken back, as later evidence says otherwise: ${oneLine(change.finding.title)}`)}\n`;
      case 'end':
        return `\n${page.paint.faint(`The application ended at ${timeOfDay(change.report.endedAt ?? NaN)}. Ctrl-C ends this too.`)}\n`;
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
