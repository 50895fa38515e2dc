import { createWriteStream } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { Page } from './text/application.js';
import { paint, wantsColor } from './text/paint.js';

/** What the command needs from its process. */
export interface Terminal {
  stdout: Writable & { isTTY?: boolean; columns?: number };
  stderr: Writable & { isTTY?: boolean; columns?: number };
  env: Readonly<Record<string, string | undefined>>;
  /** ms since the epoch */
  now(): number;
}

/** Line width without a terminal, columns. */
const NO_TERMINAL_COLUMNS = 100;

/** The page to lay out text for: a terminal, a pipe or (null) a file. */
export function pageOf(stream: Terminal['stdout'] | null, env: Terminal['env']): Page {
  // Some terminals report zero columns.
  const columns = stream?.columns || Number(env['COLUMNS']) || null;
  const width = Math.max(40, columns ?? NO_TERMINAL_COLUMNS);
  return {
    width,
    // Programs that read a table need complete cells.
    tableWidth: columns === null ? Infinity : width,
    paint: paint(stream !== null && wantsColor(env, stream.isTTY === true))
  };
}

/** An output that its reader may close. */
export interface Sink {
  /** Resolves when more can be written; immediately if the reader has closed it. */
  write(text: string): Promise<void>;
  close(): Promise<void>;
  /** The reader has closed it (`| head`). */
  readonly closed: boolean;
}

/** A stream that the command does not close. A closed reader is not an error. */
export function sinkOf(stream: Writable): Sink {
  let closed = false;
  let failure: Error | null = null;
  const onError = (error: NodeJS.ErrnoException): void => {
    closed = true;
    if (error.code !== 'EPIPE') failure ??= error;
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
      await new Promise<void>(resolve =>
        stream.write(text, error => {
          // Immediately, before the error event, so that nothing more is written.
          if (error) onError(error);
          resolve();
        })
      );
      rethrow();
    },
    close: () => Promise.resolve(rethrow())
  };
}

/** A file that is overwritten. @throws if it cannot be written */
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

/** Replaces the content of a file atomically: readers see the old or the new content. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}.part`;
  await writeFile(draft, text);
  await rename(draft, path);
}
