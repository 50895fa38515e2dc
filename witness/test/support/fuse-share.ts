import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A mounted share whose server is a process that can be stopped. */
export interface FuseShare {
  path: string;
  /** Stops its server: readers block. */
  hang(): void;
  goOn(): void;
  /** Kills its server: readers get "not connected". */
  kill(): Promise<void>;
  /** Unmounts it: its mount point is empty. */
  unmount(): void;
  close(): Promise<void>;
}

/** Mounting needs root, and a kernel with FUSE. */
export function canMount(): boolean {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}

/** @param source a directory, which is served read-only */
export async function openFuseShare(source: string): Promise<FuseShare> {
  const path = mkdtempSync(join(tmpdir(), 'aglais-fuse-'));
  const script = join(import.meta.dirname, 'fuse-share.py');
  const server = spawn('python3', [script, source, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(server, 'exit');
  const begun = await Promise.race([
    once(server.stdout, 'data').then(() => true),
    ended.then(() => false)
  ]);
  if (!begun) throw new Error('the FUSE share could not be mounted');
  // Lazily: blocked readers must not prevent it.
  const unmount = () => void spawnSync('umount', ['-l', path], { stdio: 'ignore' });
  const kill = async (): Promise<void> => {
    server.kill('SIGKILL');
    await ended;
  };
  return {
    path,
    hang: () => void server.kill('SIGSTOP'),
    goOn: () => void server.kill('SIGCONT'),
    kill,
    unmount,
    async close() {
      unmount();
      await kill();
      rmdirSync(path);
    }
  };
}
