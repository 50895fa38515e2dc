import { constants } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** The one file that is written for others: how many executors the driver shall have (aglais.ExecutorCount). */
export const DESIRED_EXECUTORS = 'executors';
/** More than two numbers of executors can have. */
export const WISH_BYTES = 16;

/** Replaces the wish as a whole. User code runs in the driver: a link that it put there is replaced, not followed. */
export async function writeWish(directory: string, text: string): Promise<void> {
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
