import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeOnce } from '../store/files.js';

/** Roles of tokens: `user` may do everything, `browser` everything except reading driver addresses. */
export type Scope = 'user' | 'browser';

/** The tokens of the local user, and the secret from which the tokens of clusters are derived. */
export interface Tokens {
  scopeOf(token: string): Scope | null;
  /** A cluster's token, derived from the secret each time, so it is not stored. */
  forCluster(id: string): string;
  /** A secret of a cluster for another purpose than its token. */
  secretOf(id: string, purpose: string): string;
}

/** Shorter ones can be guessed; generated ones have 43 characters. */
const MIN_LENGTH = 16;

async function secretFile(path: string): Promise<string> {
  const read = async (): Promise<string> => checked((await readFile(path, 'utf8')).trim(), path);
  try {
    // A mounted Secret is read-only.
    return await read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await writeOnce(path, randomBytes(32).toString('base64url'), 0o600);
  return read();
}

/**
 * An empty token would authenticate every client, and with an empty secret anyone could derive the tokens of clusters.
 */
function checked(text: string, path: string): string {
  const problem =
    text === ''
      ? 'is empty'
      : text.length < MIN_LENGTH
        ? `is shorter than ${MIN_LENGTH} characters`
        : /\s/.test(text) && 'has blanks or line breaks inside';
  if (!problem) return text;
  throw new Error(
    `The secret file ${path} ${problem}; nothing was started. Restore it from a backup, or delete it to have a new one ` +
      'created: clusters, kernels and browsers that use the old one have to be restarted then.'
  );
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/**
 * Reads `token`, `browser-token` and `secret` in a directory; missing ones are created (mode 0600).
 * @throws if one of them is empty, too short, or equal to another
 */
export async function openTokens(directory: string): Promise<Tokens> {
  const [user, browser, secret] = await Promise.all(
    ['token', 'browser-token', 'secret'].map(name => secretFile(join(directory, name)))
  );
  if (new Set([user, browser, secret]).size < 3) {
    throw new Error(
      `Two of the files token, browser-token and secret in ${directory} are the same; nothing was started. ` +
        'A browser would have the rights of a kernel. Delete one of them to have a new one created.'
    );
  }
  const derived = (what: string) => createHmac('sha256', secret!).update(what).digest('base64url');
  return {
    scopeOf: token => (same(token, user!) ? 'user' : same(token, browser!) ? 'browser' : null),
    forCluster: id => derived(`cluster:${id}`),
    secretOf: (id, purpose) => derived(`${purpose}:${id}`)
  };
}
