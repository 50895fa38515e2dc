import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { checkout, node } from './paths.mjs';
import { setUp } from './setup.mjs';
import { toolEnvironment } from './steps.mjs';

/** `npm run corpus:table [-- --check]`: generates docs/corpus.md from the recorded runs. */
await setUp();
const main = join(checkout, 'corpus', 'dist', 'src', 'runs', 'main.js');
const child = spawn(node, [main, ...process.argv.slice(2)], {
  env: toolEnvironment,
  stdio: 'inherit'
});
child.once('close', code => process.exit(code ?? 1));
