import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { Report, type Finding } from '@aglais/protocol';
import { checkout } from '../installation.js';
import type { FoundRun } from './recorded-run.js';

/** What the command reports about a run. */
export interface CommandResult {
  /** With the event log only. */
  alone: Finding[];
  /** With all additional evidence, if that changes the report; otherwise null. */
  withEvidence: Finding[] | null;
  /** The options that change the report on their own. */
  decisive: string[];
}

/** Runs the command itself, so that the page shows what a user gets. */
export async function askCommand(found: FoundRun, corpus: string): Promise<CommandResult> {
  const { log, evidence } = found;
  const ask = (options: string[]): Promise<Finding[]> =>
    diagnose(
      [log, ...evidence.flatMap(one => (options.includes(one.option) ? given(one) : []))],
      corpus
    );
  const alone = await ask([]);
  const options = [...new Set(evidence.map(({ option }) => option))];
  const withEvidence = await ask(options);
  if (sameTexts(alone, withEvidence)) return { alone, withEvidence: null, decisive: [] };
  const decisive: string[] = [];
  for (const option of options) {
    if (!sameTexts(alone, await ask([option]))) decisive.push(option);
  }
  return { alone, withEvidence, decisive };
}

/** Whether two reports have the same texts; references are not compared. */
export function sameTexts(a: readonly Finding[], b: readonly Finding[]): boolean {
  return JSON.stringify(a.map(words)) === JSON.stringify(b.map(words));
}

function words({ id, severity, confidence, title, explanation, effects, advice }: Finding) {
  return { id, severity, confidence, title, explanation, effects, advice };
}

function given({ option, path }: FoundRun['evidence'][number]): string[] {
  return [`--${option}`, path];
}

/** @throws if the command could not read something, with its error message */
async function diagnose(args: readonly string[], cwd: string): Promise<Finding[]> {
  const command = join(checkout, 'command', 'bin', 'aglais.mjs');
  const json = await new Promise<string>((resolve, reject) => {
    execFile(
      process.execPath,
      [command, 'diagnose', ...args, '--format', 'json'],
      { cwd, maxBuffer: 2 ** 28 },
      (error, stdout, stderr) => {
        // Exit status 1: there are errors or warnings.
        if (error && error.code !== 1) reject(new Error(stderr || error.message));
        else resolve(stdout);
      }
    );
  });
  return Report.parse(JSON.parse(json)).applications.flatMap(({ findings }) => findings);
}
