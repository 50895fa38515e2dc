import { constants } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** The only file that is written for clients: the desired number of executors (aglais.ExecutorCount). */
export const DESIRED_EXECUTORS = 'executors';
/** Longer than any two numbers of executors. */
const MAX_BYTES = 16;

/** Whether a text is a number of executors (`4`) or a range (`2-8`). */
export function isExecutorCount(text: string): boolean {
  return text.length <= MAX_BYTES && /^[1-9]\d{0,5}(-[1-9]\d{0,5})?\n?$/.test(text);
}

/** Reads no more of a request's body than a number of executors can have. */
export async function readShortBody(body: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of body) {
    text += String(chunk);
    if (text.length > MAX_BYTES) break;
  }
  return text;
}

/**
 * Replaces the file atomically. User code runs in the driver: a link that it created there is replaced, not followed.
 */
export async function writeDesiredExecutors(directory: string, text: string): Promise<void> {
  const path = join(directory, DESIRED_EXECUTORS);
  const part = join(directory, `.${DESIRED_EXECUTORS}.part`);
  await rm(part, { recursive: true, force: true });
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const file = await open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644);
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
  await rename(part, path);
}
