import { access, link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { randomUUID } from 'node:crypto';

/** Writes a file atomically, and only if it does not exist; true if this call created it. */
export async function writeOnce(path: string, text: string, mode = 0o600): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const part = `${path}.${randomUUID()}`;
  await writeFile(part, text, { mode });
  try {
    await link(part, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(part);
  }
}

/** Writes a file atomically: readers see the old or the new one, never a part. */
export async function replaceFile(path: string, text: string, mode = 0o600): Promise<void> {
  const part = `${path}.${randomUUID()}`;
  await writeFile(part, text, { mode });
  await rename(part, path);
}

/** Whether a file with this name exists and is visible. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false
  );
}
