import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cache, checkout, data, node } from './paths.mjs';
import { setUp } from './setup.mjs';
import { toolEnvironment } from './steps.mjs';
import { chosenJava } from './tools.mjs';

const testbed = join(checkout, 'testbed', 'dist', 'main.js');

/**
 * Runs the tests that need a Kubernetes (`*.kubernetes.ts`).
 * @param {string[]} args for Jest
 * @param {Record<string, string>} more for its environment
 */
export function testKubernetes(args, more = {}) {
  return onKubernetes(facts => jestOnKubernetes(args, { ...facts, ...more }));
}

/**
 * Runs something that needs a Kubernetes: on the cluster of AGLAIS_KUBECONFIG, else on the testbed, which is brought up for
 * it and taken down again unless it was up before.
 * @param {(facts: Record<string, string>) => Promise<number>} run is given variables for its environment; its exit code
 * @returns {Promise<{ code: number, skipped: string | null }>} `skipped` says why this machine cannot
 */
export async function onKubernetes(run) {
  if (process.env.AGLAIS_KUBECONFIG) return { code: await run({}), skipped: null };
  const obstacle = await runTestbed(['check'], 'pipe');
  if (obstacle.code !== 0) return { code: 0, skipped: obstacle.output.trim() };
  const wasUp = (await runTestbed(['status'], 'pipe')).code === 0;
  let code = 1;
  try {
    const up = await runTestbed(['up']);
    if (up.code === 0) code = await run(facts());
  } finally {
    if (!wasUp) code = (await runTestbed(['down'])).code || code;
  }
  return { code, skipped: null };
}

/** What has to be known of the testbed. */
function facts() {
  const state = process.env.AGLAIS_TESTBED ?? join(data, 'testbed');
  const { kubeconfig, sparkImage, probeImage, catalogues, objectStore, s3aJars } = JSON.parse(
    readFileSync(join(state, 'testbed.json'), 'utf8')
  );
  return {
    AGLAIS_KUBECONFIG: kubeconfig,
    AGLAIS_SPARK_IMAGE: sparkImage,
    AGLAIS_PROBE_IMAGE: probeImage,
    AGLAIS_NODE_CATALOGUES: catalogues,
    AGLAIS_OBJECT_STORE: objectStore,
    AGLAIS_S3A_JARS: s3aJars
  };
}

const environment = () => ({
  ...toolEnvironment,
  AGLAIS_DATA: data,
  AGLAIS_CACHE: cache,
  AGLAIS_JAVA: chosenJava() ?? ''
});

async function runTestbed(args, output = 'inherit') {
  return runProgram([testbed, ...args], environment(), output);
}

/**
 * The same on a Kubernetes that is there.
 * @param {string[]} args for Jest
 * @param {Record<string, string>} more for its environment: what `onKubernetes` gives
 * @returns {Promise<number>} its exit code
 */
export async function jestOnKubernetes(args, more) {
  const jest = [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join('node_modules', '.bin', 'jest'),
    '--config',
    'jest.kubernetes.mjs',
    '--runInBand',
    ...args
  ];
  return (await runProgram(jest, { ...environment(), ...more }, 'inherit')).code;
}

function runProgram(args, env, output) {
  return new Promise(resolve => {
    const child = spawn(node, args, { cwd: checkout, env, stdio: ['ignore', output, output] });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', part => (text += part));
    child.once('error', error => resolve({ code: 127, output: error.message }));
    child.once('close', code => resolve({ code: code ?? 1, output: text }));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await setUp();
  const { code, skipped } = await testKubernetes(process.argv.slice(2));
  if (skipped) console.log(`Skipped: ${skipped}`);
  process.exit(code);
}
