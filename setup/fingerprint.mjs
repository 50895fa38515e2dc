import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from './paths.mjs';

/** Outputs, and files that do not change the result. */
const SKIPPED = new Set([
  'node_modules',
  'dist',
  'lib',
  'labextension',
  '__pycache__',
  '.pytest_cache',
  'test'
]);

/** One value for everything that the result of a step depends on. */
export async function fingerprint(step) {
  const hash = createHash('sha256');
  hash.update((await step.version?.()) ?? '');
  for (const input of step.inputs) {
    for (const file of filesIn(join(checkout, input)))
      hash.update(file.slice(checkout.length)).update(readFileSync(file));
  }
  return hash.digest('hex');
}

function filesIn(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .filter(entry => !SKIPPED.has(entry) && !entry.endsWith('.tsbuildinfo'))
    .flatMap(entry => filesIn(join(path, entry)));
}
