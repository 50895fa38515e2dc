import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { lockStateDirectory } from '../src/state-lock.js';
import { node, temporaryDirectory } from './support/server.js';

const directory = temporaryDirectory();
afterAll(directory.remove);
const fresh = () => mkdtempSync(join(directory.path, 'state-'));
const built = join(import.meta.dirname, '..', 'dist', 'state-lock.js');

/** Another process that takes the lock, reports it, and keeps running. */
async function owner(path: string): Promise<() => Promise<void>> {
  const program = `
    import { lockStateDirectory } from ${JSON.stringify(built)};
    lockStateDirectory(${JSON.stringify(path)});
    console.log('mine');
    setInterval(() => {}, 1000);`;
  const child = spawn(node, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit']
  });
  await once(child.stdout, 'data');
  return async () => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
}

describe('The lock of a state directory', () => {
  it('admits one server after the other', () => {
    const path = fresh();
    for (let turn = 0; turn < 3; turn += 1) lockStateDirectory(path)();
  });

  it('admits one of several that start at the same time, and tells the others what to do', () => {
    const path = fresh();
    const unlock = lockStateDirectory(path);
    for (let other = 0; other < 5; other += 1) {
      expect(() => lockStateDirectory(path)).toThrow(
        new RegExp(`process ${process.pid}\\) already works with .*AGLAIS_STATE`)
      );
    }
    unlock();
  });

  it('is held against other processes, and free as soon as its owner was killed', async () => {
    const path = fresh();
    const kill = await owner(path);
    expect(() => lockStateDirectory(path)).toThrow(/already works with/);
    await kill();
    lockStateDirectory(path)();
  }, 30_000);
});
