import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findBrowser } from './browser.mjs';
import { aptInstall } from './debian.mjs';
import { checkout, node, python } from './paths.mjs';
import { setUp } from './setup.mjs';
import { prepare, toolEnvironment } from './steps.mjs';
import { jestOnKubernetes, onKubernetes } from './test-kubernetes.mjs';
import { chosenJava, output } from './tools.mjs';

/**
 * Everything: style, units, integration with real Spark, and the UI in a real browser.
 * `npm test -- jest` (or style, python, corpus, kubernetes, ui) runs one part; what follows goes to that part's runner.
 */
const [only, ...rest] = process.argv.slice(2);
const results = join(checkout, '.setup', 'test-results');
const wanted = name => !only || only === name;
const PYTHON_PARTS = ['interpreters/jupyter', 'extension', 'catalogues', 'notebooks'];
const total = { passed: 0, failed: 0, skipped: 0 };
const begun = Date.now();

await setUp();
mkdirSync(results, { recursive: true });
let browser = null;
await prepare([
  {
    name: 'PostgreSQL for tests',
    inputs: [],
    makes: [],
    version: () => String(Boolean(postgres())),
    run: async ({ run }) => {
      if (!postgres()) await aptInstall(run, ['postgresql']).catch(() => undefined);
    }
  }
]);
if (wanted('ui') || wanted('kubernetes')) {
  browser = await findBrowser({ run: runQuietly, say: line => console.log(line) }).catch(
    () => null
  );
}

if (wanted('style')) await check('style', 'ESLint', 'eslint', ['.']);
if (wanted('style'))
  await check('style', 'Prettier', 'prettier', ['--check', '--log-level', 'warn', '.']);
if (wanted('style'))
  await check('style', 'Ruff', join(checkout, '.venv', 'bin', 'ruff'), ['check', '.']);
if (wanted('python')) await runPytest();
if (wanted('jest')) await runJest();
if (wanted('corpus')) await runCorpus();
if (wanted('kubernetes')) await runKubernetes();
if (wanted('ui')) await runUi();

const minutes = ((Date.now() - begun) / 60_000).toFixed(1);
console.log(`\nAll of it took ${minutes} minutes.`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);

function postgres() {
  const debian = '/usr/lib/postgresql';
  const found =
    existsSync(debian) &&
    readdirSync(debian).some(v => existsSync(join(debian, v, 'bin', 'postgres')));
  return found || output('which', ['postgres']);
}

/** A check without tests of its own counts as one. */
async function check(part, name, command, args) {
  heading(name);
  const code = await spawnInherited(command, args);
  if (code === 0) total.passed += 1;
  else total.failed += 1;
}

/** Each part in its own folder, with its own settings: one broken part hides none of the others. */
async function runPytest() {
  for (const part of PYTHON_PARTS) {
    heading(`Python: ${part}`);
    const report = fresh(`pytest-${part.replace('/', '-')}.xml`);
    const code = await spawnInherited(
      python,
      ['-m', 'pytest', '-q', `--junitxml=${report}`, ...(only === 'python' ? rest : [])],
      {},
      join(checkout, part)
    );
    addJunit(report, code);
  }
}

async function runJest() {
  heading('TypeScript: protocol, diagnosis, command, server, extension, testbed');
  const report = fresh('jest.json');
  const code = await spawnInherited(node, [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join('node_modules', '.bin', 'jest'),
    '--json',
    `--outputFile=${report}`,
    '--runInBand',
    ...(only === 'jest' ? rest : [])
  ]);
  addJest(report, code);
}

/** The launcher and all that is below it, on a real Kubernetes. */
async function runKubernetes() {
  heading('A real Kubernetes');
  const report = fresh('kubernetes.json');
  const chosen = only === 'kubernetes' ? rest : [];
  const { code, skipped } = await onKubernetes(async facts => {
    addJest(report, await jestOnKubernetes(['--json', `--outputFile=${report}`, ...chosen], facts));
    if (chosen.length === 0) await runPlaywright('kubernetes', [], facts);
    return 0;
  });
  if (code !== 0) broken('The testbed', code);
  if (!skipped) return;
  console.log(`SKIPPED: everything that needs a Kubernetes. ${skipped}`);
  add(0, 0, 1);
}

function addJest(report, code) {
  if (!existsSync(report)) return broken('Jest', code);
  const {
    numPassedTests,
    numFailedTests,
    numPendingTests,
    numFailedTestSuites,
    numRuntimeErrorTestSuites
  } = JSON.parse(readFileSync(report, 'utf8'));
  add(numPassedTests, numFailedTests + numRuntimeErrorTestSuites, numPendingTests);
  if (code !== 0 && numFailedTests + numFailedTestSuites === 0) broken('Jest', code);
}

/** A few real failures and healthy runs; `npm run make:corpus` makes all of them. */
async function runCorpus() {
  heading('Real failures of a real Spark');
  const report = fresh('corpus.json');
  const code = await spawnInherited(node, [
    join('corpus', 'dist', 'src', 'main.js'),
    ...(only === 'corpus' && rest.length > 0 ? rest : ['quick']),
    '--report',
    report
  ]);
  if (!existsSync(report)) return broken('The corpus', code);
  const { passed, failed, skipped } = JSON.parse(readFileSync(report, 'utf8'));
  add(passed, failed, skipped);
  if (code !== 0 && failed === 0) broken('The corpus', code);
}

async function runUi() {
  heading('What a person sees: JupyterLab in a real browser');
  await runPlaywright('playwright', only === 'ui' ? rest : []);
}

/** @param name of a configuration in ui-tests */
async function runPlaywright(name, args, environment = {}) {
  if (!browser) {
    console.log(
      'No browser was found and none could be installed. Install Chromium or name one with AGLAIS_BROWSER.'
    );
    return add(0, 1, 0);
  }
  const report = fresh(`${name}-ui.json`);
  const code = await spawnInherited(
    'playwright',
    ['test', '--config', join('ui-tests', `${name}.config.ts`), ...args],
    { ...environment, AGLAIS_BROWSER: browser, PLAYWRIGHT_JSON_OUTPUT_NAME: report }
  );
  if (!existsSync(report)) return broken('Playwright', code);
  const { expected, unexpected, flaky, skipped } = JSON.parse(readFileSync(report, 'utf8')).stats;
  add(expected, unexpected + flaky, skipped);
  if (code !== 0 && unexpected + flaky === 0) broken('Playwright', code);
}

function addJunit(report, code) {
  if (!existsSync(report)) return broken('pytest', code);
  const suite = readFileSync(report, 'utf8').match(/<testsuite [^>]*>/)?.[0] ?? '';
  const count = name => Number(suite.match(new RegExp(`${name}="(\\d+)"`))?.[1] ?? 0);
  const failed = count('failures') + count('errors');
  add(count('tests') - failed - count('skipped'), failed, count('skipped'));
  if (code !== 0 && failed === 0) broken('pytest', code);
}

function add(passed, failed, skipped) {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
}

function broken(runner, code) {
  console.log(`${runner} ended with ${code} and did not say which test failed.`);
  add(0, 1, 0);
}

function fresh(name) {
  const path = join(results, name);
  rmSync(path, { force: true });
  return path;
}

function heading(text) {
  console.log(`\n== ${text}`);
}

function spawnInherited(command, args, environment = {}, cwd = checkout) {
  return new Promise(resolve => {
    const child = spawn(command, args, {
      cwd,
      env: { ...toolEnvironment, AGLAIS_JAVA: chosenJava(), ...environment },
      stdio: ['ignore', 'inherit', 'inherit']
    });
    child.once('error', error => {
      console.error(`${command}: ${error.message}`);
      resolve(127);
    });
    child.once('close', code => resolve(code ?? 1));
  });
}

function runQuietly(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: checkout,
      env: toolEnvironment,
      ...options,
      stdio: 'ignore'
    });
    child.once('error', reject);
    child.once('close', code =>
      code === 0 ? resolve() : reject(new Error(`${command} ended with ${code}`))
    );
  });
}
