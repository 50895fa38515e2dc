import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { checkout, node } from './paths.mjs';
import { setUp } from './setup.mjs';
import { toolEnvironment } from './steps.mjs';

/** `npm run make:corpus [-- NAME…] [--keep DIR]`: makes a real Spark fail and checks the findings. */
await setUp();
const main = join(checkout, 'corpus', 'dist', 'src', 'main.js');
const child = spawn(node, [main, ...process.argv.slice(2)], {
  cwd: checkout,
  env: toolEnvironment,
  stdio: 'inherit'
});
// It stops its clusters before it exits.
for (const kind of ['SIGINT', 'SIGTERM']) process.on(kind, () => child.kill(kind));
child.once('close', code => process.exit(code ?? 1));
