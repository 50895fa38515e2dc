import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CorpusCluster } from './cluster.js';
import type { GroupResult } from './run-group.js';
import type { Group } from './selection.js';

/** Files of a cluster that are evidence and are added to the corpus. */
const EVIDENCE = ['live.jsonl', 'evidence.jsonl', 'driver.log', 'driver.exit', 'executors'];

/** Copies all evidence of a group of cases into a directory in `directory`. */
export async function keepFiles(
  directory: string,
  group: Group,
  cluster: CorpusCluster,
  result: GroupResult | null
): Promise<void> {
  const folder = join(directory, group.name);
  await mkdir(folder, { recursive: true });
  for (const name of EVIDENCE) {
    await cp(join(cluster.directory, name), join(folder, name), { recursive: true }).catch(
      () => undefined
    );
  }
  for (const log of await readdir(join(cluster.directory, 'eventlog')).catch(() => [])) {
    const inProgress = log.endsWith('.inprogress') ? '.inprogress' : '';
    await cp(join(cluster.directory, 'eventlog', log), join(folder, `eventlog.jsonl${inProgress}`));
  }
  if (!result) return;
  const cases = result.results.map(({ one, cells, seconds }) => ({
    name: one.name,
    happens: one.happens,
    properties: one.properties,
    shape: cluster.shape,
    seconds,
    cells
  }));
  await writeFile(join(folder, 'client.json'), `${JSON.stringify(cases, null, 1)}\n`);
  await writeFile(
    join(folder, 'findings.json'),
    `${JSON.stringify(result.conclusions, null, 1)}\n`
  );
}
