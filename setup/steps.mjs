import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { checkout, venv } from './paths.mjs';

/**
 * @typedef {object} Step
 * @property {string} name      for people: what is being made
 * @property {string[]} inputs  files and folders of the checkout; if one changes, the step is done again
 * @property {string[]} makes   files that are there when the step was done
 * @property {string} [keptIn]  where it is noted that the step was done; default: the checkout's .setup
 * @property {() => string | Promise<string>} [version]  what else the result depends on
 * @property {(log: Log) => Promise<void>} run
 * @typedef {(command: string, args: string[], options?: object) => Promise<void>} Run
 * @typedef {{ run: Run, say: (line: string) => void }} Log
 */

const records = join(checkout, '.setup');
const SKIPPED = new Set([
  'node_modules',
  'dist',
  'lib',
  'labextension',
  '__pycache__',
  '.pytest_cache',
  'test'
]);
const HEARTBEAT_MS = 15_000;

/** An error that tells the user what to do; shown without a stack. */
export class SetupError extends Error {}

/** The environment in which the project's own tools are found first. */
export const toolEnvironment = {
  ...process.env,
  PATH: [join(checkout, 'node_modules', '.bin'), join(venv, 'bin'), process.env.PATH].join(
    delimiter
  )
};

/** Does every step that was not done, or whose inputs changed since. Returns how many were done. */
export async function prepare(steps) {
  mkdirSync(records, { recursive: true });
  const due = [];
  for (const step of steps) {
    // A step may change what a later one depends on, so each is looked at when its turn comes.
    if (await isDone(step)) continue;
    due.push(step);
    await perform(step, steps.indexOf(step) + 1, steps.length);
  }
  return due.length;
}

const fileName = step => step.name.replace(/\W+/g, '-').toLowerCase();
const recordOf = step => join(step.keptIn ?? records, `${fileName(step)}.done`);

async function isDone(step) {
  if (!step.makes.every(path => existsSync(path)) || !existsSync(recordOf(step))) return false;
  return readFileSync(recordOf(step), 'utf8') === (await fingerprint(step));
}

async function perform(step, number, count) {
  const begun = Date.now();
  const title = `[${number}/${count}] ${step.name}`;
  const logFile = join(records, `${fileName(step)}.log`);
  const log = createWriteStream(logFile);
  const progress = new Progress(title);
  try {
    await step.run({
      say: line => progress.say(line),
      run: (command, args, options) => runLogged(command, args, options, log, progress)
    });
    writeFileSync(recordOf(step), await fingerprint(step));
    progress.end(`${title}  ${Math.round((Date.now() - begun) / 1000)} s`);
  } catch (error) {
    progress.end(`${title}  failed`);
    if (error instanceof SetupError) throw error;
    const end = existsSync(logFile)
      ? readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-25)
      : [];
    throw new SetupError(
      `${end.join('\n')}\n\n${step.name} could not be made: ${error.message}.\n` +
        `What was made before is kept; the whole log is ${logFile}. Run the same command again to go on.`
    );
  } finally {
    log.end();
  }
}

/** One line that shows what is going on, and how long it takes. */
class Progress {
  #title;
  #last = '';
  #begun = Date.now();
  #timer;
  #terminal = process.stdout.isTTY;

  constructor(title) {
    this.#title = title;
    if (!this.#terminal) console.log(`${title} …`);
    this.#timer = setInterval(() => this.#show(), this.#terminal ? 250 : HEARTBEAT_MS);
  }

  say(line) {
    this.#last = line;
  }

  end(line) {
    clearInterval(this.#timer);
    if (this.#terminal) process.stdout.write('\r\u001b[K');
    console.log(line);
  }

  #show() {
    const seconds = Math.round((Date.now() - this.#begun) / 1000);
    const line = `${this.#title}  ${seconds} s  ${this.#last}`;
    const width = (process.stdout.columns ?? 100) - 1;
    if (this.#terminal) process.stdout.write(`\r\u001b[K${line.slice(0, width)}`);
    else console.log(line.slice(0, 160));
  }
}

function runLogged(command, args, options, log, progress) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: checkout,
      env: toolEnvironment,
      ...options,
      stdio: ['ignore', 'pipe', 'pipe']
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', text => {
        log.write(text);
        const line = stripVTControlCharacters(text)
          .trimEnd()
          .split(/[\r\n]/)
          .at(-1)
          .trim();
        if (line) progress.say(line);
      });
    }
    child.once('error', error => reject(new Error(`${command}: ${error.message}`)));
    child.once('close', (code, signal) =>
      code === 0
        ? resolve()
        : reject(new Error(`"${command} ${args[0]}" ended with ${signal ?? code}`))
    );
  });
}

async function fingerprint(step) {
  const hash = createHash('sha256');
  hash.update((await step.version?.()) ?? '');
  for (const input of step.inputs) {
    for (const file of filesIn(join(checkout, input)))
      hash.update(file.slice(checkout.length)).update(readFileSync(file));
  }
  return hash.digest('hex');
}

function filesIn(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .filter(entry => !SKIPPED.has(entry) && !entry.endsWith('.tsbuildinfo'))
    .flatMap(entry => filesIn(join(path, entry)));
}
