import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';

/** Longest text of a refusal that is read. */
const WORDS_BYTES = 64 * 1024;
/** A peer that vanished without a word is noticed this long after its last byte (and ten probes, a second each). */
const PROBE_AFTER_MS = 10_000;

/** The API server refused. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    /** HTTP status, also where it came inside of a watch. */
    readonly status: number,
    message: string,
    /** What the server asks to wait before the next attempt, ms. */
    readonly retryAfterMs: number | null = null
  ) {
    super(message);
  }

  /** What was asked for is older than what the server remembers: 410, `Expired` or `Gone`. */
  get expired(): boolean {
    return this.status === 410;
  }
}

/**
 * Opens a GET and resolves with its answer, the body unread, once the server has accepted it. Authentication and TLS are
 * the kubeconfig's; connections are probed, so that a peer that is gone breaks them within seconds.
 * @param withinMs until the answer's head has to be there
 * @throws ApiError if the server refuses, else the network's error.
 */
export async function openGet(
  kubeConfig: KubeConfig,
  path: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
  withinMs: number
): Promise<IncomingMessage> {
  const server = kubeConfig.getCurrentCluster()?.server;
  if (!server) throw new Error('The kubeconfig names no cluster for its current context.');
  const url = new URL(server.replace(/\/$/, '') + path);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const options: RequestOptions = { headers: { Accept: 'application/json' } };
  await kubeConfig.applyToHTTPSOptions(options);
  const answer = await answerTo(url, { ...options, signal }, withinMs);
  if (answer.statusCode === 200) return answer;
  throw await refusalOf(answer);
}

/** The same for a body of JSON that is read whole. */
export async function getJson<T>(
  kubeConfig: KubeConfig,
  path: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
  withinMs: number
): Promise<{ body: T; bytes: number }> {
  const deadline = AbortSignal.timeout(withinMs);
  const either = AbortSignal.any([signal, deadline]);
  const answer = await openGet(kubeConfig, path, query, either, withinMs);
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks);
  return { body: JSON.parse(text.toString('utf8')) as T, bytes: text.length };
}

function answerTo(url: URL, options: RequestOptions, withinMs: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'http:' ? httpRequest : httpsRequest)(url, options);
    const timer = setTimeout(
      () => request.destroy(new Error(`no answer within ${withinMs} ms`)),
      withinMs
    );
    request.on('socket', socket => socket.setKeepAlive(true, PROBE_AFTER_MS));
    request.once('response', answer => {
      clearTimeout(timer);
      resolve(answer);
    });
    // Errors after the answer's head come again through its body.
    request.on('error', error => {
      clearTimeout(timer);
      reject(error);
    });
    request.end();
  });
}

async function refusalOf(answer: IncomingMessage): Promise<ApiError> {
  const status = answer.statusCode ?? 0;
  let text = '';
  try {
    for await (const chunk of answer) {
      text += String(chunk);
      if (text.length > WORDS_BYTES) break;
    }
  } catch {
    // The status alone says enough.
  }
  answer.destroy();
  return new ApiError(
    status,
    `${status}: ${errorMessage(text) || answer.statusMessage || 'refused'}`,
    retryAfterMs(answer.headers['retry-after'])
  );
}

/** The API's `Status` has a message; others (a proxy in between) have their own words. */
function errorMessage(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === 'string') return message;
  } catch {
    // No JSON.
  }
  return text.trim().slice(0, 300);
}

/** RFC 9110, 10.2.3: seconds, or a date. */
export function retryAfterMs(header: string | undefined, now = Date.now()): number | null {
  if (header === undefined) return null;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isFinite(date) ? Math.max(0, date - now) : null;
}
