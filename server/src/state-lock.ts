import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  findProcess,
  parseProcessName,
  readProcess
} from './clusters/launchers/local/process-table.js';
import { writeOnce } from './store/files.js';

/**
 * Makes this process the only server of a state directory: two would start every cluster twice.
 * The lock of a server that was killed is taken over. Returns a function that gives the directory back.
 * @throws if another server has it
 */
export async function lockStateDirectory(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, 'server.lock');
  const self = await readProcess(process.pid);
  const mine = `${process.pid} ${self?.start ?? 'unknown'}\n`;
  for (;;) {
    if (await writeOnce(path, mine)) return () => rm(path, { force: true });
    const owner = parseProcessName(await readFile(path, 'utf8').catch(() => ''));
    if (owner && (await findProcess(owner))) {
      throw new Error(
        `Another Aglais server (process ${owner.pid}) already works with ${directory}. ` +
          'Use that one, stop it, or set AGLAIS_STATE to another directory.'
      );
    }
    await rm(path, { force: true });
  }
}
