import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import { ApiError, isTransient } from './api-errors.js';

/** Maximum length of an error message that is read. */
const REFUSAL_BYTES = 64 * 1024;
/** A dead peer is detected this long after its last byte (plus ten probes, a second each). */
const PROBE_AFTER_MS = 10_000;
/** Deadline of a call, including retries that the server requests, ms. */
export const CALL_MS = 30_000;

export interface ApiRequest {
  method: string;
  /** Includes the query. */
  url: URL;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  signal?: AbortSignal;
  /** Deadline of the complete response, ms. */
  withinMs?: number;
}

export interface ApiAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/**
 * One call: all requests to an API server go through here, except watches. Authentication and TLS come from the
 * kubeconfig. If the server requests a retry (`Retry-After`), it is done within the deadline.
 * @throws ApiError if the server refuses, otherwise the error of the network
 */
export async function callApi(kubeConfig: KubeConfig, request: ApiRequest): Promise<ApiAnswer> {
  const deadline = performance.now() + (request.withinMs ?? CALL_MS);
  for (;;) {
    try {
      return await callOnce(kubeConfig, request, deadline - performance.now());
    } catch (error) {
      const waitMs = error instanceof ApiError && isTransient(error) ? error.retryAfterMs : null;
      if (waitMs === null || performance.now() + waitMs >= deadline) throw error;
      await sleep(waitMs, undefined, { signal: request.signal });
    }
  }
}

/**
 * Opens a GET and resolves with its response, with the body unread, once the server has accepted it. The connection is
 * probed, so that a dead peer breaks it within seconds.
 * @param withinMs deadline of the response headers
 * @throws ApiError if the server refuses, otherwise the error of the network
 */
export async function openGet(
  kubeConfig: KubeConfig,
  path: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
  withinMs: number
): Promise<IncomingMessage> {
  return open(kubeConfig, { method: 'GET', url: urlOf(kubeConfig, path, query), signal }, withinMs);
}

/** One GET of JSON, without retries. */
export async function getJson<T>(
  kubeConfig: KubeConfig,
  path: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
  withinMs: number
): Promise<{ body: T; bytes: number }> {
  const request = { method: 'GET', url: urlOf(kubeConfig, path, query), signal };
  const { body } = await callOnce(kubeConfig, request, withinMs);
  return { body: JSON.parse(body.toString('utf8')) as T, bytes: body.length };
}

function urlOf(kubeConfig: KubeConfig, path: string, query: Readonly<Record<string, string>>): URL {
  const server = kubeConfig.getCurrentCluster()?.server;
  if (!server) throw new Error('The kubeconfig names no cluster for its current context.');
  const url = new URL(server.replace(/\/$/, '') + path);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}

async function callOnce(
  kubeConfig: KubeConfig,
  request: ApiRequest,
  withinMs: number
): Promise<ApiAnswer> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(new NoAnswer(withinMs)), Math.max(0, withinMs));
  const signal = AbortSignal.any([deadline.signal, ...(request.signal ? [request.signal] : [])]);
  try {
    const answer = await open(kubeConfig, { ...request, signal }, withinMs);
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    const headers = Object.entries(answer.headers).map(([name, value]) => [name, String(value)]);
    return {
      status: answer.statusCode!,
      headers: Object.fromEntries(headers) as Record<string, string>,
      body: Buffer.concat(chunks)
    };
  } catch (error) {
    throw deadline.signal.aborted ? deadline.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

class NoAnswer extends Error {
  readonly code = 'ETIMEDOUT';
  constructor(ms: number) {
    super(`The Kubernetes API did not answer within ${Math.round(ms)} ms.`);
  }
}

/** Resolves with a successful response. */
async function open(
  kubeConfig: KubeConfig,
  { method, url, headers, body, signal }: ApiRequest,
  withinMs: number
): Promise<IncomingMessage> {
  const options: RequestOptions = {
    method,
    headers: {
      Accept: 'application/json',
      'User-Agent': 'aglais',
      ...headers,
      ...(body !== undefined && { 'Content-Length': Buffer.byteLength(body) })
    },
    ...(signal && { signal })
  };
  await kubeConfig.applyToHTTPSOptions(options);
  const answer = await answerTo(url, options, body, withinMs);
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return answer;
  throw await refusalOf(answer);
}

function answerTo(
  url: URL,
  options: RequestOptions,
  body: string | undefined,
  withinMs: number
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'http:' ? httpRequest : httpsRequest)(url, options);
    const timer = setTimeout(() => request.destroy(new NoAnswer(withinMs)), withinMs);
    request.on('socket', socket => socket.setKeepAlive(true, PROBE_AFTER_MS));
    request.once('response', answer => {
      clearTimeout(timer);
      resolve(answer);
    });
    // Errors after the headers are reported by the body.
    request.on('error', error => {
      clearTimeout(timer);
      reject(error);
    });
    request.end(body);
  });
}

async function refusalOf(answer: IncomingMessage): Promise<ApiError> {
  const status = answer.statusCode ?? 0;
  let text = '';
  try {
    for await (const chunk of answer) {
      text += String(chunk);
      if (text.length > REFUSAL_BYTES) break;
    }
  } catch {
    // The status is sufficient.
  }
  answer.destroy();
  const { message, reason } = statusIn(text);
  const words = text.trim().slice(0, 300) || answer.statusMessage || 'refused';
  return new ApiError(status, message ?? `status ${status}: ${words}`, {
    reason,
    retryAfterMs: retryAfterMs(answer.headers['retry-after'])
  });
}

/** The API's `Status`; a proxy responds with something else. */
function statusIn(text: string): { message: string | null; reason: string | null } {
  const of = (value: unknown) => (typeof value === 'string' && value !== '' ? value : null);
  try {
    const { message, reason } = JSON.parse(text) as { message?: unknown; reason?: unknown };
    return { message: of(message), reason: of(reason) };
  } catch {
    return { message: null, reason: null };
  }
}

/** RFC 9110, 10.2.3: seconds, or a date. */
export function retryAfterMs(header: string | undefined, now = Date.now()): number | null {
  if (header === undefined) return null;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isFinite(date) ? Math.max(0, date - now) : null;
}
