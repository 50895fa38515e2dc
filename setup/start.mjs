import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.mjs';
import { checkout, data, node, notebooks, python, sparkHome, state, venv } from './paths.mjs';
import { fasterSteps, setUp } from './setup.mjs';
import { isDone } from './steps.mjs';
import { chosenJava } from './tools.mjs';

const WAIT_MS = 90_000;
/** The server itself gives Spark 25 s to end, and other parts a few more. */
const STOP_MS = 35_000;
/** A server that exits more often than this within a minute has a problem that a restart does not fix. */
const RESTARTS_PER_MINUTE = 3;

const begun = Date.now();
const logs = join(state, 'logs');
let ending = null;
const children = new Map();

await setUp({ faster: false });
mkdirSync(logs, { recursive: true, mode: 0o700 });

const [serverPort, labPort] = [
  await freePort(),
  Number(process.env.AGLAIS_LAB_PORT ?? (await freePort()))
];
const token = process.env.AGLAIS_LAB_TOKEN ?? randomBytes(24).toString('hex');
const environment = {
  ...process.env,
  AGLAIS_DATA: data,
  AGLAIS_STATE: state,
  AGLAIS_PORT: String(serverPort),
  AGLAIS_SPARK_HOME: sparkHome,
  AGLAIS_PYTHON: python,
  AGLAIS_JAVA: chosenJava(),
  AGLAIS_END_WITH_PARENT: 'true',
  AGLAIS_PRELOAD: process.env.AGLAIS_PRELOAD ?? 'true',
  AGLAIS_URL: `http://127.0.0.1:${serverPort}`,
  AGLAIS_TOKEN_FILE: join(state, 'token'),
  AGLAIS_BROWSER_TOKEN_FILE: join(state, 'browser-token')
};

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => (ending ? endAtOnce() : end(0)));

keepServer();
// Both start at the same time; the Lab needs the server only when a page is opened.
const lab = start(
  'jupyterlab',
  join(venv, 'bin', 'jupyter-lab'),
  [
    '--no-browser',
    '--ip=127.0.0.1',
    `--port=${labPort}`,
    '--ServerApp.port_retries=0',
    `--ServerApp.root_dir=${notebooks}`,
    `--LabApp.default_url=/lab`,
    ...(process.getuid?.() === 0 ? ['--allow-root'] : []),
    ...process.argv.slice(2)
  ],
  { ...environment, JUPYTER_TOKEN: token }
);
lab.once('exit', code => {
  if (!ending) fail(`JupyterLab ended (${code}). See ${join(logs, 'jupyterlab.log')}.`);
});

await Promise.all([
  answers(`${environment.AGLAIS_URL}/readyz`, 'the server'),
  answers(`http://127.0.0.1:${labPort}/api`, 'JupyterLab')
]);
const url = `http://127.0.0.1:${labPort}/lab?token=${token}`;
console.log(
  `\nAglais is ready after ${((Date.now() - begun) / 1000).toFixed(1)} s.\n\n    ${url}\n`
);
console.log(
  `Notebooks: ${notebooks}\nLogs:      ${logs}\nEnd it with Ctrl-C; Spark ends with it.\n`
);
openBrowser(url);
const done = await Promise.all(fasterSteps.map(step => isDone(step)));
if (done.includes(false)) makeFasterStarts();

/** While the Lab is already in use. If it fails, only each start of Spark is slower. */
function makeFasterStarts() {
  console.log(
    'Spark starts more slowly until archives of its Java classes are made. That happens now, in the background,\n' +
      'and takes some minutes; you can work meanwhile.\n'
  );
  const child = spawn(node, [join(checkout, 'setup', 'faster-starts.mjs')], {
    cwd: checkout,
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  });
  children.set('faster starts', child);
  child.once('error', error => console.error(`The archives cannot be made: ${error.message}`));
  child.once('exit', code => {
    if (!ending && code !== 0)
      console.error('Spark works without these archives; the next npm start tries again.');
  });
}

/**
 * Starts a program in a session of its own, so that Ctrl-C does not reach it directly; it is stopped in the right
 * order.
 */
function start(name, command, args, env) {
  const log = openSync(join(logs, `${name}.log`), 'a', 0o600);
  const child = spawn(command, args, {
    cwd: checkout,
    env,
    detached: true,
    stdio: ['ignore', log, log]
  });
  closeSync(log);
  children.set(name, child);
  child.once('error', error => fail(`${name} could not be started: ${error.message}`));
  return child;
}

/** Starts the server, and restarts it if it exits unexpectedly; clusters keep running meanwhile and are adopted. */
function keepServer(ends = []) {
  const server = start('server', node, [join(checkout, 'server', 'dist', 'main.js')], environment);
  server.once('exit', code => {
    if (ending) return;
    const recent = [...ends, Date.now()].filter(time => Date.now() - time < 60_000);
    if (recent.length > RESTARTS_PER_MINUTE) {
      fail(`The server keeps exiting (${code}). See ${join(logs, 'server.log')}.`);
      return;
    }
    console.log(`The server ended (${code}) and is started again; running Spark is not affected.`);
    keepServer(recent);
  });
}

async function answers(address, what) {
  const deadline = Date.now() + WAIT_MS;
  while (Date.now() < deadline && !ending) {
    const response = await fetch(address).catch(() => null);
    if (response?.ok) return;
    await sleep(50);
  }
  if (!ending) fail(`${what} did not answer within ${WAIT_MS / 1000} s. Logs are in ${logs}.`);
  await ending;
}

function fail(message) {
  console.error(`\n${message}`);
  void end(1);
}

/** Stops the Lab, so that kernels can shut down, then the server, which stops Spark. */
function end(code) {
  ending ??= (async () => {
    console.log('\nEnding Spark, JupyterLab and the server … (Ctrl-C again ends them at once)');
    await Promise.all([stop('jupyterlab').then(() => stop('server')), stop('faster starts')]);
    process.exit(code);
  })();
  return ending;
}

/** Without waiting for Spark; what is left of it is stopped by the next start. */
function endAtOnce() {
  for (const child of children.values())
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  process.exit(130);
}

async function stop(name) {
  const child = children.get(name);
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise(resolve => child.once('exit', resolve));
  child.kill('SIGTERM');
  const late = await Promise.race([gone, sleep(STOP_MS, 'late', { ref: false })]);
  if (late === 'late') child.kill('SIGKILL');
  await gone;
}

function openBrowser(address) {
  const headless =
    process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY;
  if (process.env.CI || process.env.AGLAIS_NO_BROWSER || headless) return;
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open';
  spawn(opener, [address], { stdio: 'ignore', detached: true })
    .on('error', () => undefined)
    .unref();
}
