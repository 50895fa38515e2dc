import { availableParallelism } from 'node:os';
import { STDIN, type LogSource } from '@aglais/diagnosis';
import type { Unread } from '@aglais/protocol';
import { diagnoseLog, since, type Diagnosed } from './application-report.js';
import { namesNoApplication } from './evidence-files.js';
import { follow } from './follow.js';
import { runInOrder } from './run-in-order.js';
import { logsAt, plainError } from './logs.js';
import { readOptions, USAGE, UsageError, type Options } from './options.js';
import { ReadingProgress } from './reading-progress.js';
import { EXIT_UNREADABLE, hasProblems, EXIT_OK, EXIT_FINDINGS } from './exit-status.js';
import { fileSink, pageOf, sinkOf, type Sink, type Terminal } from './terminal.js';
import { unreadText } from './text/summary.js';
import { Workers } from './workers.js';
import { reportWriter } from './writers.js';

export const VERSION = '0.1.0';

/** Reading logs is CPU-bound; beyond this many threads, memory and disks are the limit. */
const MAX_THREADS = 16;

export interface CommandOptions {
  /** The script of the worker threads that read many logs; null reads them one after the other. */
  worker: URL | null;
  /** Ends `--follow`. */
  signal: AbortSignal;
}

/** Runs `aglais …` and returns its exit status; never throws. */
export async function runCommand(
  args: readonly string[],
  terminal: Terminal,
  options: CommandOptions
): Promise<number> {
  const stdout = sinkOf(terminal.stdout);
  const stderr = sinkOf(terminal.stderr);
  try {
    const read = readOptions(args, terminal.now());
    if (read === 'help' || read === 'version') {
      await stdout.write(`${read === 'help' ? USAGE : VERSION}\n`);
      return EXIT_OK;
    }
    if (read.follow) return await follow(read, terminal, stdout, options.signal);
    return await diagnose(read, terminal, stdout, stderr, options);
  } catch (error) {
    const usage = error instanceof UsageError ? `\n\n${USAGE}` : '';
    await stderr.write(`aglais: ${plainError(error)}${usage}\n`).catch(() => undefined);
    return EXIT_UNREADABLE;
  }
}

async function diagnose(
  options: Options,
  terminal: Terminal,
  stdout: Sink,
  stderr: Sink,
  { worker }: CommandOptions
): Promise<number> {
  const { sources, unread } = await logsAt(options.paths);
  const many = sources.length > 1;
  rejectAmbiguousEvidence(options, many);
  const sink = options.output === null ? stdout : fileSink(options.output);
  const page = pageOf(options.output === null ? terminal.stdout : null, terminal.env);
  const writer = reportWriter(options.format, text => sink.write(text), { ...options, many, page });
  const progress = new ReadingProgress(terminal, sources.length, totalBytes(sources));
  let problems = false;
  for await (const { report, unread: more } of diagnosed(sources, options, progress, worker)) {
    for (const one of more) {
      if (!unread.some(known => sameUnread(known, one))) unread.push(one);
    }
    if (!report) continue;
    const shown = since(report, options.since);
    problems ||= hasProblems(shown);
    progress.clear();
    await writer.add(shown);
    if (sink.closed) break;
  }
  progress.clear();
  if (unread.length < options.paths.length || sources.length > 0 || options.format !== 'text') {
    await writer.end(unread);
  }
  await sink.close();
  if (unread.length > 0) {
    await stderr.write(`${unreadText(unread, pageOf(terminal.stderr, terminal.env))}\n`);
    return EXIT_UNREADABLE;
  }
  return problems ? EXIT_FINDINGS : EXIT_OK;
}

async function* diagnosed(
  sources: readonly LogSource[],
  { evidence }: Options,
  progress: ReadingProgress,
  script: URL | null
): AsyncGenerator<Diagnosed> {
  const threads = Math.min(availableParallelism(), MAX_THREADS, sources.length);
  // Only the main thread can read standard input.
  const threaded = threads > 1 && sources.every(({ paths }) => !paths.includes(STDIN));
  const workers = script && threaded ? new Workers(script) : null;
  const run = async (source: LogSource): Promise<Diagnosed> => {
    const onProgress = (bytes: number): void => progress.read(source, bytes);
    const result = workers
      ? await workers.run({ source, evidence }, onProgress)
      : await diagnoseLog(source, evidence, { onProgress });
    progress.finished(source, source.bytes);
    return result;
  };
  try {
    yield* runInOrder(sources, workers ? threads : 1, run);
  } finally {
    await workers?.close();
  }
}

function rejectAmbiguousEvidence({ evidence }: Options, many: boolean): void {
  const ambiguous = many ? evidence.find(namesNoApplication) : undefined;
  if (ambiguous) {
    throw new UsageError(
      `--${ambiguous.kind} does not name its application: specify the log of a single application`
    );
  }
}

function totalBytes(sources: readonly LogSource[]): number | null {
  return sources.reduce<number | null>(
    (sum, { bytes }) => (sum === null || bytes === null ? null : sum + bytes),
    0
  );
}

function sameUnread(a: Unread, b: Unread): boolean {
  return a.path === b.path && a.message === b.message;
}
