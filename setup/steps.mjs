import { createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprint } from './fingerprint.mjs';
import { checkout } from './paths.mjs';
import { lastLine, runProgram, toolEnvironment } from './programs.mjs';
import { Progress } from './progress.mjs';

export { toolEnvironment };

/**
 * @typedef {object} Step
 * @property {string} name for people
 * @property {string[]} [needs] names of earlier steps whose results it uses; all others may run concurrently
 * @property {string[]} inputs files and directories of the checkout; if one changes, the step runs again
 * @property {string[]} makes files that the step creates
 * @property {string} [keptIn] where its completion is recorded; default: the checkout's .setup
 * @property {() => string | Promise<string>} [version] what else the result depends on
 * @property {(log: Log) => Promise<void>} run
 * @typedef {(command: string, args: string[], options?: object) => Promise<void>} Run
 * @typedef {{ run: Run, say: (line: string) => void, signal: AbortSignal }} Log `signal`: the step has to end
 */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const defaultRecords = join(checkout, '.setup');

/** An error that tells the user what to do; shown without a stack trace. */
export class SetupError extends Error {}

const fileName = step => step.name.replace(/\W+/g, '-').toLowerCase();

/**
 * Runs every step that was not completed, or whose inputs have changed; independent steps run concurrently. After a
 * failure no more steps are started, and running ones are ended.
 * @param {Step[]} steps each after those that it needs
 * @param {{ records?: string, count?: number, progress?: Pick<Progress, 'begin' | 'say' | 'end'> }} [options]
 * `records`: directory of records and logs; `count`: total number of steps, of which these are the last
 * @returns {Promise<number>} number of steps that were run
 * @throws SetupError the first failure
 */
export async function prepare(
  steps,
  { records = defaultRecords, count = steps.length, progress = new Progress() } = {}
) {
  mkdirSync(records, { recursive: true });
  const abort = new AbortController();
  const results = new Map();
  let interruptedBy = null;
  let failure = null;

  async function stepDone(step, number) {
    // A step may change the inputs of a later one, so each is checked when its turn comes.
    await Promise.all((step.needs ?? []).map(name => results.get(name)));
    if (abort.signal.aborted || (await isDone(step, records))) return false;
    const title = `[${number}/${count}] ${step.name}`;
    await perform(step, title, records, progress, abort.signal);
    return true;
  }

  const interrupt = kind => {
    interruptedBy = kind;
    abort.abort();
  };
  for (const kind of SIGNALS) process.on(kind, interrupt);
  try {
    steps.forEach((step, index) => {
      const result = stepDone(step, count - steps.length + index + 1);
      result.catch(error => {
        failure ??= error;
        abort.abort();
      });
      results.set(step.name, result);
    });
    const settled = await Promise.allSettled(results.values());
    if (interruptedBy) {
      console.error('\nInterrupted. What was made before is kept; the same command goes on.');
      process.exit(130);
    }
    if (failure) throw failure;
    return settled.filter(({ value }) => value).length;
  } finally {
    for (const kind of SIGNALS) process.off(kind, interrupt);
  }
}

const recordOf = (step, records) => join(step.keptIn ?? records, `${fileName(step)}.done`);

/** Whether a step was completed, and its inputs have not changed since. */
export async function isDone(step, records = defaultRecords) {
  const record = recordOf(step, records);
  if (!step.makes.every(path => existsSync(path)) || !existsSync(record)) return false;
  return readFileSync(record, 'utf8') === (await fingerprint(step));
}

async function perform(step, title, records, progress, signal) {
  const logFile = join(records, `${fileName(step)}.log`);
  const log = createWriteStream(logFile);
  progress.begin(title);
  try {
    await step.run({
      say: line => progress.say(title, line),
      run: (command, args, options) =>
        runLogged(command, args, { ...options, signal }, log, line => progress.say(title, line)),
      signal
    });
    signal.throwIfAborted();
    writeFileSync(recordOf(step, records), await fingerprint(step));
    progress.end(title);
  } catch (error) {
    progress.end(title, signal.aborted ? 'not finished' : 'failed');
    if (signal.aborted || error instanceof SetupError) throw error;
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

async function runLogged(command, args, options, log, say) {
  const onText = text => {
    log.write(text);
    const line = lastLine(text);
    if (line) say(line);
  };
  const code = await runProgram(command, args, { ...options, onText });
  if (code !== 0) throw new Error(`"${command} ${args[0]}" ended with ${code}`);
}
