import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import { ApiError, isTransient } from './api-errors.js';

/** Longest text of a refusal that is read. */
const REFUSAL_BYTES = 64 * 1024;
/** A peer that vanished without a word is noticed this long after its last byte (and ten probes, a second each). */
const PROBE_AFTER_MS = 10_000;
/** A call has this long, repetitions that the server asks for included, ms. */
export const CALL_MS = 30_000;

export interface ApiRequest {
  method: string;
  /** With its query. */
  url: URL;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  signal?: AbortSignal;
  /** Until the answer is complete, ms. */
  withinMs?: number;
}

export interface ApiAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/**
 * One call: everything that is asked of an API server goes through here, but for watches. Authentication and TLS are the
 * kubeconfig's. Where the server says when to ask again (`Retry-After`), it is asked again, within the time of the call.
 * @throws ApiError if the server refuses, else the network's error
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
 * Opens a GET and resolves with its answer, the body unread, once the server has accepted it; connections are probed, so
 * that a peer that is gone breaks them within seconds.
 * @param withinMs until the answer's head has to be there
 * @throws ApiError if the server refuses, else the network's error
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

/** One GET of JSON, never repeated by itself. */
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

/** Resolves with an answer that is no refusal. */
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
    // Errors after the answer's head come again through its body.
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
    // The status alone says enough.
  }
  answer.destroy();
  const { message, reason } = statusIn(text);
  const words = text.trim().slice(0, 300) || answer.statusMessage || 'refused';
  return new ApiError(status, message ?? `status ${status}: ${words}`, {
    reason,
    retryAfterMs: retryAfterMs(answer.headers['retry-after'])
  });
}

/** The API's `Status`; a proxy in between answers with something else. */
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
