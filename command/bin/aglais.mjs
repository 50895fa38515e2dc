#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

// This file must also run on old Node versions: it finds a suitable one and starts it.
const here = dirname(fileURLToPath(import.meta.url));
const checkout = join(here, '..', '..');
const main = join(here, '..', 'dist', 'main.js');
const own = join(checkout, 'node_modules', '.bin', 'node');
const MIN_NODE = 24;

if (!existsSync(main)) {
  console.error(`aglais is not built yet. Run: npm run setup   (in ${join(checkout)})`);
  process.exitCode = 2;
} else if (Number(process.versions.node.split('.')[0]) >= MIN_NODE) {
  await import(pathToFileURL(main).href);
} else if (existsSync(own)) {
  // A terminal sends Ctrl-C to both processes: the child handles it.
  const child = spawn(own, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', error => {
    console.error(`aglais: ${own}: ${error.message}`);
    process.exitCode = 2;
  });
  child.on('exit', code => process.exit(code ?? 2));
} else {
  console.error(
    `aglais needs Node ${MIN_NODE} or newer; this is ${process.version}. ` +
      `Run: npm run setup   (in ${checkout}), which installs one.`
  );
  process.exitCode = 2;
}
