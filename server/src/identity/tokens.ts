import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeOnce } from '../store/files.js';

/** What the bearer of a token may do: `user` everything, `browser` everything but reading endpoints. */
export type Scope = 'user' | 'browser';

/** The tokens of the one local user, and the secret from which the tokens of clusters are made. */
export interface Tokens {
  scopeOf(token: string): Scope | null;
  /** A cluster's own token; made again from the secret whenever it is asked for, so it is stored nowhere. */
  forCluster(id: string): string;
  /** A secret of a cluster for another purpose than its token. */
  secretOf(id: string, purpose: string): string;
}

async function secretFile(path: string): Promise<string> {
  const read = async (): Promise<string> => (await readFile(path, 'utf8')).trim();
  try {
    // Where they are mounted, nothing can be written.
    return await read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await writeOnce(path, randomBytes(32).toString('base64url'), 0o600);
  return read();
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Reads `token`, `browser-token` and `secret` in a directory; those that are missing are made (mode 0600). */
export async function openTokens(directory: string): Promise<Tokens> {
  const [user, browser, secret] = await Promise.all(
    ['token', 'browser-token', 'secret'].map(name => secretFile(join(directory, name)))
  );
  const derived = (what: string) => createHmac('sha256', secret!).update(what).digest('base64url');
  return {
    scopeOf: token => (same(token, user!) ? 'user' : same(token, browser!) ? 'browser' : null),
    forCluster: id => derived(`cluster:${id}`),
    secretOf: (id, purpose) => derived(`${purpose}:${id}`)
  };
}
