import { createWriteStream } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { Page } from './text/application.js';
import { paint, wantsColours } from './text/paint.js';

/** What the command needs of the process that it runs in. */
export interface Terminal {
  stdout: Writable & { isTTY?: boolean; columns?: number };
  stderr: Writable & { isTTY?: boolean; columns?: number };
  env: Readonly<Record<string, string | undefined>>;
  /** ms since the epoch */
  now(): number;
}

/** Without a terminal, paragraphs are wrapped at this. */
const NO_TERMINAL_COLUMNS = 100;

/** The page that text is laid out for: a terminal, a pipe or (null) a file. */
export function pageOf(stream: Terminal['stdout'] | null, env: Terminal['env']): Page {
  // Some terminals say that they have no columns at all.
  const columns = stream?.columns || Number(env['COLUMNS']) || null;
  const width = Math.max(40, columns ?? NO_TERMINAL_COLUMNS);
  return {
    width,
    // Programs that read a table want whole cells.
    tableWidth: columns === null ? Infinity : width,
    paint: paint(stream !== null && wantsColours(env, stream.isTTY === true))
  };
}

/** Something that text goes to and that may be closed at the other end. */
export interface Sink {
  /** Resolves when there is room for more; at once if nobody reads any more. */
  write(text: string): Promise<void>;
  close(): Promise<void>;
  /** Nobody reads any more (`| head`). */
  readonly closed: boolean;
}

/** A stream that is not ours to close. A reader who went away is no error. */
export function sinkOf(stream: Writable): Sink {
  let closed = false;
  let failure: Error | null = null;
  const onError = (error: NodeJS.ErrnoException): void => {
    closed = true;
    if (error.code !== 'EPIPE') failure = error;
  };
  stream.on('error', onError);
  const rethrow = (): void => {
    if (failure) throw failure;
  };
  return {
    get closed() {
      return closed;
    },
    async write(text) {
      rethrow();
      if (closed) return;
      await new Promise<void>(resolve => stream.write(text, () => resolve()));
      rethrow();
    },
    close: () => Promise.resolve(rethrow())
  };
}

/** A file that is written from its beginning. @throws if it cannot be. */
export function fileSink(path: string): Sink {
  const stream = createWriteStream(path);
  const sink = sinkOf(stream);
  return {
    get closed() {
      return sink.closed;
    },
    write: text => sink.write(text),
    async close() {
      await new Promise<void>(resolve => {
        if (stream.destroyed) resolve();
        else stream.end(() => resolve());
      });
      await sink.close();
    }
  };
}

/** Replaces a file's content at once: who opens it sees the old or the new, never a half. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}.part`;
  await writeFile(draft, text);
  await rename(draft, path);
}
