import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { Report, type Finding } from '@aglais/protocol';
import { checkout } from '../installation.js';
import type { FoundRun } from './recorded-run.js';

/** What the command says of a run. */
export interface Said {
  alone: Finding[];
  /** With all that lies beside the log, if it then says something else; null if not. */
  beside: Finding[] | null;
  /** The options each of which alone makes it say something else. */
  decisive: string[];
}

/** Asks the command itself: what the page says is what a person gets who types the same. */
export async function askCommand(found: FoundRun, corpus: string): Promise<Said> {
  const { log, evidence } = found;
  const ask = (options: string[]): Promise<Finding[]> =>
    diagnose(
      [log, ...evidence.flatMap(one => (options.includes(one.option) ? given(one) : []))],
      corpus
    );
  const alone = await ask([]);
  const options = [...new Set(evidence.map(({ option }) => option))];
  const beside = await ask(options);
  if (sameWords(alone, beside)) return { alone, beside: null, decisive: [] };
  const decisive: string[] = [];
  for (const option of options) {
    if (!sameWords(alone, await ask([option]))) decisive.push(option);
  }
  return { alone, beside, decisive };
}

/** Whether two reports read the same; where it was seen is not in the words. */
export function sameWords(a: readonly Finding[], b: readonly Finding[]): boolean {
  return JSON.stringify(a.map(words)) === JSON.stringify(b.map(words));
}

function words({ id, severity, confidence, title, explanation, effects, advice }: Finding) {
  return { id, severity, confidence, title, explanation, effects, advice };
}

function given({ option, path }: FoundRun['evidence'][number]): string[] {
  return [`--${option}`, path];
}

/** @throws if the command could not read something, with what it says. */
async function diagnose(args: readonly string[], cwd: string): Promise<Finding[]> {
  const command = join(checkout, 'command', 'bin', 'aglais.mjs');
  const json = await new Promise<string>((resolve, reject) => {
    execFile(
      process.execPath,
      [command, 'diagnose', ...args, '--format', 'json'],
      { cwd, maxBuffer: 2 ** 28 },
      (error, stdout, stderr) => {
        // 1 says that findings are errors or warnings.
        if (error && error.code !== 1) reject(new Error(stderr || error.message));
        else resolve(stdout);
      }
    );
  });
  return Report.parse(JSON.parse(json)).applications.flatMap(({ findings }) => findings);
}
