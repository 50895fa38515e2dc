import { PassThrough, Writable } from 'node:stream';
import { runCommand, type CommandOptions } from '../src/command.js';
import type { Terminal } from '../src/terminal.js';

/** The result of a run of the command. */
export interface Run {
  status: number;
  stdout: string;
  stderr: string;
}

/** A terminal that records its output. */
export class Screen implements Terminal {
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly env = {};
  readonly #text = { stdout: '', stderr: '' };

  constructor() {
    for (const name of ['stdout', 'stderr'] as const) {
      this[name].setEncoding('utf8').on('data', (text: string) => (this.#text[name] += text));
    }
  }

  now(): number {
    return Date.UTC(2026, 10, 21);
  }

  get text(): Readonly<{ stdout: string; stderr: string }> {
    return this.#text;
  }
}

/** Runs the command in this process. */
export async function run(
  args: readonly string[],
  options: Partial<CommandOptions> = {}
): Promise<Run> {
  const screen = new Screen();
  const status = await runCommand(args, screen, {
    worker: null,
    signal: new AbortController().signal,
    ...options
  });
  return { status, ...screen.text };
}

/** A reader that closes the stream after the first chunk, like `head`. */
export class Leaver extends Writable {
  pieces = 0;

  override _write(_chunk: unknown, _encoding: string, done: (error?: Error) => void): void {
    this.pieces += 1;
    const gone = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    done(this.pieces > 1 ? gone : undefined);
  }
}
