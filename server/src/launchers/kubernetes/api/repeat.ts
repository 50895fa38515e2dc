import { setTimeout as sleep } from 'node:timers/promises';
import { backOffAfter } from '../../../back-off.js';
import { isTransient } from './api-errors.js';

/** A call that the API server could not handle is sent so often before it counts as refused. */
const ATTEMPTS = 4;
/** It is not sent again after so long: each attempt may take as long as a call may take, ms. */
const GIVE_UP_MS = 30_000;

/**
 * Repeats a call, with pauses that grow, for as long as the API server cannot handle it; a few times at most.
 * @throws what the last attempt came to, and at once what is refused for good
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
