import { setTimeout as sleep } from 'node:timers/promises';
import { backOffAfter } from '../../../back-off.js';
import { isTransient } from './api-errors.js';

/** Number of attempts for a call that the API server could not handle, before it counts as refused. */
const ATTEMPTS = 4;
/** No new attempt after this time: each one may take as long as the timeout of a call, ms. */
const GIVE_UP_MS = 30_000;

/**
 * Retries a call with back-off while the API server cannot handle it.
 * @throws the error of the last attempt; a permanent refusal immediately
 */
export async function repeatedly<T>(call: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + GIVE_UP_MS;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (!isTransient(error) || attempt === ATTEMPTS || performance.now() > deadline) throw error;
      await sleep(backOffAfter(error, attempt, Math.random()));
    }
  }
}
