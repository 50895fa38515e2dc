import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache, checkout, data, node } from './paths.mjs';
import { runProgram, toolEnvironment } from './programs.mjs';
import { chosenJava } from './tools.mjs';

const testbed = join(checkout, 'testbed', 'dist', 'main.js');

/** The environment of the testbed and of tests on a Kubernetes. */
export const kubernetesEnvironment = () => ({
  ...toolEnvironment,
  AGLAIS_DATA: data,
  AGLAIS_CACHE: cache,
  AGLAIS_JAVA: chosenJava() ?? ''
});

/**
 * The Kubernetes of the user: AGLAIS_KUBECONFIG, or KUBECONFIG together with images that it can pull. A KUBECONFIG
 * alone is not enough: many users have one all the time, for other work.
 * @returns {{ facts: Record<string, string> | null, reason: string | null }} variables for the environment of tests;
 * `reason` says why a KUBECONFIG is not used
 */
export function namedKubernetes(env = process.env) {
  if (env.AGLAIS_KUBECONFIG) return { facts: {}, reason: null };
  if (!env.KUBECONFIG) return { facts: null, reason: null };
  const lacking = ['AGLAIS_SPARK_IMAGE', 'AGLAIS_PROBE_IMAGE'].filter(name => !env[name]);
  if (lacking.length === 0)
    return { facts: { AGLAIS_KUBECONFIG: env.KUBECONFIG.split(':')[0] }, reason: null };
  return {
    facts: null,
    reason: `KUBECONFIG is set, but not ${lacking.join(' and ')}: images that this Kubernetes can pull (testbed/README.md)`
  };
}

/**
 * Brings the testbed up.
 * @param {{ signal: AbortSignal, onText: (text: string) => void }} options `onText` gets its output
 * @returns {Promise<{ facts: Record<string, string> | null, skipped: string | null, wasUp: boolean }>} `facts`:
 * variables for the environment of tests, or null if it did not start; `skipped`: why this machine cannot run one
 */
export async function bringUpTestbed({ signal, onText }) {
  let obstacle = '';
  const check = await runTestbed('check', { signal, onText: text => (obstacle += text) });
  if (check !== 0) return { facts: null, skipped: obstacle.trim(), wasUp: false };
  const wasUp = (await runTestbed('status', { signal, onText: () => undefined })) === 0;
  const code = await runTestbed('up', { signal, onText });
  return { facts: code === 0 ? testbedFacts() : null, skipped: null, wasUp };
}

/** Takes it down; returns the exit code. */
export const takeDownTestbed = options => runTestbed('down', options);

const runTestbed = (command, options) =>
  runProgram(node, [testbed, command], { ...options, env: kubernetesEnvironment() });

function testbedFacts() {
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
