import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** A recorded run: the files in its directory, and what happened. */
const RecordedRun = z.strictObject({
  name: z.string(),
  folder: z.string().optional().describe('Default: the name'),
  happened: z.string(),
  log: z.string(),
  beside: z
    .record(z.string(), z.array(z.string()))
    .describe('Evidence by the option that takes it'),
  client: z.string().optional().describe('What the notebook got')
});
export type RecordedRun = z.infer<typeof RecordedRun>;

/** A run with its files; paths are relative to the corpus. */
export interface FoundRun {
  run: RecordedRun;
  log: string;
  evidence: { option: string; path: string }[];
  client: string | null;
}

export async function readRecordedRuns(file: string): Promise<RecordedRun[]> {
  return z.array(RecordedRun).parse(JSON.parse(await readFile(file, 'utf8')));
}

/**
 * Looks for a run's files.
 * @throws if one of them is missing, so that the page never mentions evidence that was not read
 */
export async function findRun(run: RecordedRun, corpus: string): Promise<FoundRun> {
  const folder = run.folder ?? run.name;
  const matching = async (pattern: string): Promise<string[]> => {
    const found: string[] = [];
    for await (const path of glob(join(folder, pattern), { cwd: corpus })) found.push(path);
    if (found.length === 0) throw new Error(`There is no ${join(folder, pattern)} in ${corpus}`);
    return found.sort();
  };
  const evidence: FoundRun['evidence'] = [];
  for (const [option, patterns] of Object.entries(run.beside)) {
    for (const path of (await Promise.all(patterns.map(matching))).flat()) {
      evidence.push({ option, path });
    }
  }
  const client = run.client === undefined ? null : (await matching(run.client))[0]!;
  if (client !== null) evidence.push({ option: 'client', path: client });
  return { run, log: (await matching(run.log))[0]!, evidence, client };
}
