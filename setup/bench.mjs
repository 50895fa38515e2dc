import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { findBrowser } from './browser.mjs';
import { checkout, data, node } from './paths.mjs';
import { setUp } from './setup.mjs';
import { toolEnvironment } from './steps.mjs';
import { onKubernetes } from './test-kubernetes.mjs';

/**
 * `npm run bench [start|first-result|card|load|idle|diagnosis|kubernetes|kubernetes-start|kubernetes-first-result]`:
 * measures on this machine and prints metrics; the last three only by name, on the testbed or the cluster of
 * AGLAIS_KUBECONFIG.
 */
await setUp();
const run = (command, args) =>
  new Promise(resolve => spawn(command, args, { stdio: 'ignore' }).once('close', resolve));
const browser = await findBrowser({ run, say: console.log });
const bench = facts =>
  new Promise(resolve =>
    spawn(node, [join(checkout, 'bench', 'dist', 'main.js'), ...process.argv.slice(2)], {
      cwd: checkout,
      env: {
        ...toolEnvironment,
        AGLAIS_DATA: data,
        ...(browser && { AGLAIS_BROWSER: browser }),
        ...facts
      },
      stdio: 'inherit'
    }).once('close', code => resolve(code ?? 1))
  );
if (process.argv.slice(2).some(name => name.startsWith('kubernetes'))) {
  const { code, skipped } = await onKubernetes(bench);
  if (skipped) console.log(`Not measured: ${skipped}`);
  process.exit(code);
}
process.exit(await bench({}));
