import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  bringUpTestbed,
  kubernetesEnvironment,
  namedKubernetes,
  takeDownTestbed
} from './kubernetes.mjs';
import { checkout, node } from './paths.mjs';
import { setUp } from './setup.mjs';

/**
 * Runs tests that need a Kubernetes.
 * @param {string[]} args for Jest
 * @param {{ config?: string, environment?: Record<string, string> }} [options] `config`: which of them
 */
export function testKubernetes(args, { config = 'jest.kubernetes.mjs', environment = {} } = {}) {
  const jest = [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join('node_modules', '.bin', 'jest'),
    ...['--config', config, '--runInBand', ...args]
  ];
  return onKubernetes((facts, signal) => run(node, jest, { ...facts, ...environment }, signal));
}

/**
 * Runs a task that needs a Kubernetes: on the user's, otherwise on the testbed, which is brought up and taken down
 * again unless it was already up.
 * @param {(facts: Record<string, string>, signal?: AbortSignal) => Promise<number>} task gets environment variables and
 * an abort signal; returns its exit code
 * @returns {Promise<{ code: number, skipped: string | null }>} `skipped`: why this machine cannot run it
 */
export async function onKubernetes(task) {
  const named = namedKubernetes();
  if (named.reason) console.log(`${named.reason}. The testbed is used.`);
  if (named.facts) return { code: await task(named.facts), skipped: null };
  const abort = new AbortController();
  // The task's processes get the signal, too; then the testbed is taken down.
  for (const kind of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(kind, () => abort.abort());
  const onText = text => process.stdout.write(text);
  const { facts, skipped, wasUp } = await bringUpTestbed({ signal: abort.signal, onText });
  if (skipped) return { code: 0, skipped };
  let code = 1;
  try {
    if (facts) code = await task(facts, abort.signal);
  } finally {
    const { signal } = new AbortController();
    if (!wasUp) code = (await takeDownTestbed({ signal, onText })) || code;
  }
  return { code: abort.signal.aborted ? 130 : code, skipped: null };
}

function run(command, args, more, signal) {
  return new Promise(resolve => {
    const child = spawn(command, args, {
      cwd: checkout,
      signal,
      env: { ...kubernetesEnvironment(), ...more },
      stdio: ['ignore', 'inherit', 'inherit']
    });
    child.once('error', error => {
      console.error(`${command}: ${error.message}`);
      resolve(127);
    });
    child.once('close', code => resolve(code ?? 1));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await setUp();
  const { code, skipped } = await testKubernetes(process.argv.slice(2));
  if (skipped) console.log(`Skipped: ${skipped}`);
  process.exit(code);
}
