import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Makes this process the only server of a state directory: two would start every cluster twice. The kernel holds the
 * lock (on `lock.sqlite`) and releases it when the process ends in any way; a PID file could be taken over by two
 * processes at once. `server.lock` only shows people which process it is. Returns a function that releases the lock.
 * @throws if another server has it
 */
export function lockStateDirectory(directory: string): () => void {
  const note = join(directory, 'server.lock');
  const lock = new DatabaseSync(join(directory, 'lock.sqlite'));
  try {
    lock.exec('begin immediate');
  } catch (error) {
    lock.close();
    throw new Error(
      `Another Aglais server${processIn(note)} already works with ${directory}. ` +
        'Use that one, stop it, or set AGLAIS_STATE to another directory.',
      { cause: error }
    );
  }
  writeFileSync(note, `${process.pid}\n`, { mode: 0o600 });
  return () => {
    rmSync(note, { force: true });
    lock.close();
  };
}

function processIn(note: string): string {
  try {
    return ` (process ${readFileSync(note, 'utf8').trim()})`;
  } catch {
    return '';
  }
}
