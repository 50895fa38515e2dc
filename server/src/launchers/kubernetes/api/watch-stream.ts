import { LineSplitter } from '@aglais/diagnosis';
import type { KubeConfig, KubernetesObject } from '@kubernetes/client-node';
import { ApiError } from './api-errors.js';
import { openGet } from './api-request.js';
import { jittered, type WatchTimes } from './watch-times.js';

/** One line of a watch, except errors. */
export interface WatchLine<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: T;
  version: string;
}

/** The watch cannot resume from the last version: everything has to be listed again. */
export class Relist extends Error {
  override readonly name = 'Relist';
}

export interface WatchStreamOptions<T> {
  kubeConfig: KubeConfig;
  path: string;
  selection: Readonly<Record<string, string>>;
  /** The version from which it resumes. */
  version: string;
  times: WatchTimes;
  signal: AbortSignal;
  onLine(line: WatchLine<T>): void;
  onBytes(count: number): void;
}

/**
 * One watch, until the server ends it or has been silent for too long.
 * @throws ApiError, Relist, or the error of the connection
 */
export async function watchOnce<T extends KubernetesObject>(
  options: WatchStreamOptions<T>
): Promise<void> {
  const { kubeConfig, path, selection, version, signal } = options;
  const { watchMs, graceMs, requestMs, silenceMs } = options.times;
  const forMs = jittered(watchMs);
  const query = {
    ...selection,
    watch: '1',
    allowWatchBookmarks: 'true',
    resourceVersion: version,
    timeoutSeconds: String(Math.max(1, Math.round(forMs / 1000)))
  };
  const answer = await openGet(kubeConfig, path, query, signal, requestMs);
  const deadline = setTimeout(
    () => answer.destroy(new Error('the server did not end the watch')),
    forMs + graceMs
  );
  const silence = setTimeout(() => answer.destroy(new Silence()), jittered(silenceMs));
  // A truncated last line stays in the splitter, and arrives again with the next watch.
  const splitter = new LineSplitter();
  try {
    for await (const chunk of answer) {
      silence.refresh();
      options.onBytes((chunk as Buffer).length);
      for (const { text } of splitter.push(chunk as Buffer))
        if (text !== '') options.onLine(parseLine<T>(text));
    }
  } catch (error) {
    // Nothing has happened for long: not a failure, but the connection may be dead.
    if (!(error instanceof Silence)) throw error;
  } finally {
    clearTimeout(deadline);
    clearTimeout(silence);
    answer.destroy();
  }
}

class Silence extends Error {}

function parseLine<T extends KubernetesObject>(text: string): WatchLine<T> {
  const { type, object } = JSON.parse(text) as { type: string; object: T };
  if (type === 'ERROR') throw refusal(object);
  const version = object.metadata?.resourceVersion;
  if (version === undefined) throw new Relist(`a line without a resourceVersion: ${type}`);
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      return { type, object, version };
    default:
      throw new Relist(`an unknown line: ${type}`);
  }
}

/** The object of an ERROR line is a `Status`. */
function refusal(status: unknown): Error {
  const { code, message, reason } = (status ?? {}) as {
    code?: number;
    message?: string;
    reason?: string;
  };
  const expired = code === 410 || reason === 'Expired' || reason === 'Gone';
  const words = message ?? reason ?? 'the watch failed';
  return new ApiError(expired ? 410 : (code ?? 500), words, { reason: reason ?? null });
}
