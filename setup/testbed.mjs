import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { cache, checkout, data, node } from './paths.mjs';
import { setUp } from './setup.mjs';
import { toolEnvironment } from './steps.mjs';
import { chosenJava } from './tools.mjs';

/** `npm run testbed -- up|down|status`: a real one-node Kubernetes on this machine; testbed/README.md. */
await setUp();
const main = join(checkout, 'testbed', 'dist', 'main.js');
const child = spawn(node, [main, ...process.argv.slice(2)], {
  cwd: checkout,
  env: {
    ...toolEnvironment,
    AGLAIS_DATA: data,
    AGLAIS_CACHE: cache,
    AGLAIS_JAVA: chosenJava() ?? 'java'
  },
  stdio: 'inherit'
});
for (const kind of ['SIGINT', 'SIGTERM']) process.on(kind, () => child.kill(kind));
child.once('close', code => process.exit(code ?? 1));
