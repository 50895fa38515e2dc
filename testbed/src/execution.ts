import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { finished } from 'node:stream/promises';

/** A problem that a person has to solve; shown without a stack trace. */
export class TestbedError extends Error {}

export interface Execution {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Gets stdout and stderr, appended. */
  log: string;
}

/** Kept for the error message when a program fails. */
const LAST_LINES = 20;

/**
 * Runs a program to its end, at the lowest priority, because a build must not slow the machine down.
 * @throws TestbedError with the last lines of its log if it fails
 */
export async function execute(
  command: string,
  args: readonly string[],
  { cwd, env, log }: Execution
): Promise<void> {
  mkdirSync(dirname(log), { recursive: true });
  const file = createWriteStream(log, { flags: 'a' });
  file.write(`$ ${command} ${args.join(' ')}\n`);
  const child = spawn('nice', ['-n', '19', command, ...args], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe']
  });
  // Some programs (unshare) do not end with the signal that ends this process.
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  for (const stream of [child.stdout, child.stderr]) stream.pipe(file, { end: false });
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve(status ?? signal ?? 1));
  });
  process.removeListener('exit', end);
  file.end();
  await finished(file);
  if (code === 0) return;
  const last = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-LAST_LINES).join('\n');
  throw new TestbedError(
    `${last}\n\n"${command} ${args[0] ?? ''}" ended with ${code}; its log is ${log}.`
  );
}

/** The output of a program, or null if it is missing or fails. */
export function output(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env
): string | null {
  const result = spawnSync(command, args, { encoding: 'utf8', env, maxBuffer: 64 * 2 ** 20 });
  return result.error || result.status !== 0 ? null : result.stdout.trim();
}

/** Shows the progress, with the seconds since the start. */
export class Progress {
  readonly #begun = Date.now();

  say(text: string): void {
    const seconds = ((Date.now() - this.#begun) / 1000).toFixed(1).padStart(6);
    console.log(`${seconds} s  ${text}`);
  }
}
