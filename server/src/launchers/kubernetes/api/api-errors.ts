import { ApiException } from '@kubernetes/client-node';
import { retryAfterMs } from './api-request.js';

const ALREADY_EXISTS = 409;
const NOT_FOUND = 404;

/** The status of what the API server refused; null if it did not answer at all. */
export function statusOf(error: unknown): number | null {
  return error instanceof ApiException ? error.code : null;
}

/** What the API server said, without the rest of the answer. */
export function errorMessage(error: unknown): string {
  if (!(error instanceof ApiException))
    return error instanceof Error ? error.message : String(error);
  try {
    const { message } = JSON.parse(String(error.body)) as { message?: unknown };
    if (typeof message === 'string') return message;
  } catch {
    // A proxy in between answers in words of its own.
  }
  return `status ${error.code}: ${String(error.body).slice(0, 300)}`;
}

/** Whether asking again later may help: no answer, too many requests, or trouble of the server's own. */
export function isTransient(error: unknown): boolean {
  const status = statusOf(error);
  if (status !== null) return status === 429 || status >= 500;
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  return typeof (code ?? cause?.code) === 'string';
}

/** How long the API server asks to wait before the next attempt, ms; null: it does not say. */
export function retryAfterOf(error: unknown): number | null {
  if (!(error instanceof ApiException)) return null;
  const headers = error.headers as Readonly<Record<string, string>>;
  return retryAfterMs(headers['retry-after']);
}

/** Makes an object; null if there is one of this name. */
export async function createIfAbsent<T>(create: () => Promise<T>): Promise<T | null> {
  try {
    return await create();
  } catch (error) {
    if (statusOf(error) === ALREADY_EXISTS) return null;
    throw error;
  }
}

/** Deletes an object; false if there is none. */
export async function deleteIfExists(remove: () => Promise<unknown>): Promise<boolean> {
  try {
    await remove();
    return true;
  } catch (error) {
    if (statusOf(error) === NOT_FOUND) return false;
    throw error;
  }
}
