import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync
} from 'node:fs';
import { dirname, join } from 'node:path';

/** Number of hexadecimal digits of a key in names. */
const DIGITS = 12;

/** One short key for everything that a result depends on; for files the content counts, not the name. */
export function keyOf(values: readonly unknown[], files: readonly string[] = []): string {
  const hash = createHash('sha256').update(JSON.stringify(values));
  for (const file of files.flatMap(filesIn)) hash.update('\0').update(readFileSync(file));
  return hash.digest('hex').slice(0, DIGITS);
}

function filesIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap(name => filesIn(join(path, name)));
}

/**
 * A directory or file that is created once for each key. It appears atomically: `make` writes to a temporary path next
 * to it. Results of the same name with other keys, and incomplete ones, are deleted afterwards.
 */
export async function cached(
  path: (key: string) => string,
  key: string,
  make: (unfinished: string) => Promise<void>
): Promise<string> {
  const result = path(key);
  if (existsSync(result)) return result;
  const unfinished = `${result}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(dirname(result), { recursive: true });
  await make(unfinished);
  renameSync(unfinished, result);
  const [before = '', after = ''] = path('\0')
    .slice(dirname(result).length + 1)
    .split('\0');
  for (const name of readdirSync(dirname(result))) {
    const other = name.slice(before.length, before.length + DIGITS);
    const isOfThisKind = name === `${before}${other}${after}` && /^[0-9a-f]{12}$/.test(other);
    const isLeftOver = name.startsWith(`${before}${other}${after}.unfinished`);
    if (other !== key && (isOfThisKind || isLeftOver))
      rmSync(join(dirname(result), name), { recursive: true, force: true });
  }
  return result;
}
