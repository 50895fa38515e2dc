import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { findBrowser } from './browser.mjs';
import { checkout, data, node } from './paths.mjs';
import { setUp } from './setup.mjs';
import { toolEnvironment } from './steps.mjs';

/** `npm run bench [start|card|load|diagnosis|kubernetes|kubernetes-start]`: measures on this machine and prints figures. */
await setUp();
const run = (command, args) =>
  new Promise(resolve => spawn(command, args, { stdio: 'ignore' }).once('close', resolve));
const browser = await findBrowser({ run, say: console.log });
const child = spawn(node, [join(checkout, 'bench', 'dist', 'main.js'), ...process.argv.slice(2)], {
  cwd: checkout,
  env: { ...toolEnvironment, AGLAIS_DATA: data, ...(browser && { AGLAIS_BROWSER: browser }) },
  stdio: 'inherit'
});
child.once('close', code => process.exit(code ?? 1));
