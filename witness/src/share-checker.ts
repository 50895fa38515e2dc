import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** An idle process is ended after this time, ms. */
const LINGER_MS = 60_000;
/** Each check needs a thread of the process until its share responds; this many checks can run concurrently. */
const THREADS = 64;

/**
 * Reads `{id, path}` per line; writes `{id, begun}`, then `{id, filled}` or `{id, message}`. The statistics of a file
 * system are requested from its server by every kind of share, whatever is cached (NFS, CephFS, FUSE); the first entry
 * of the directory shows whether something is still mounted.
 */
const SCRIPT = `
const { opendir, statfs } = require('node:fs/promises');
// The kernel's messages: Node's mention sockets, or are missing.
const said = { ENOTCONN: 'Transport endpoint is not connected', ESTALE: 'Stale file handle' };
const nameOf = error => (error.errno === -116 ? 'ESTALE' : error.code);
const messageOf = error => {
  const name = nameOf(error);
  return said[name] ? name + ': ' + said[name] + ", " + error.path : error.message;
};
const write = answer => process.stdout.write(JSON.stringify(answer) + '\\n');
async function check(path) {
  await statfs(path);
  const folder = await opendir(path);
  try {
    return (await folder.read()) !== null;
  } finally {
    await folder.close();
  }
}
require('node:readline')
  .createInterface({ input: process.stdin })
  .on('line', line => {
    const { id, path } = JSON.parse(line);
    write({ id, begun: true });
    check(path).then(
      filled => write({ id, filled }),
      error => write({ id, message: messageOf(error) })
    );
  })
  // An ordinary exit would wait for threads that a share holds.
  .on('close', () => process.kill(process.pid, 'SIGKILL'));`;

/** The result of a check; `message`: why the share could not be read. */
export type CheckResult = { filled: boolean } | { message: string };

export interface CheckEvents {
  /** No response in time; `since`: when the check started, ms since the epoch. */
  onTimeout: (since: number) => void;
  /**
   * Always called once. Null: the process ended, which says nothing about the share. After a timeout it is called only
   * then, or when the share responds after all.
   */
  onResult: (result: CheckResult | null, since: number) => void;
}

interface Pending extends CheckEvents {
  timeoutMs: number;
  since: number;
  timer: NodeJS.Timeout | undefined;
  isLate: boolean;
}

interface Answer {
  id: number;
  begun?: boolean;
  filled?: boolean;
  message?: string;
}

/**
 * Checks shares in a separate process that is kept for the next check: a thread that waits for a hanging file system
 * may never return. After a timeout the process is killed, and the next check gets a new one.
 */
export class ShareChecker {
  private process: CheckProcess | null = null;
  private hasComplained = false;

  /** @param command another program with the protocol of SCRIPT */
  constructor(private readonly command: readonly string[] = [process.execPath, '-e', SCRIPT]) {}

  /**
   * @param timeoutMs counted from the start of the check in the process, so that a busy machine does not look like a
   * failed share
   */
  check(path: string, timeoutMs: number, events: CheckEvents): void {
    if (!this.process?.isUsable)
      this.process = new CheckProcess(this.command, reason => this.complain(reason));
    this.process.check(path, timeoutMs, events);
  }

  private complain(reason: string): void {
    if (!this.hasComplained)
      console.error(`aglais: shares cannot be checked: the process for it ended (${reason})`);
    this.hasComplained = true;
  }
}

class CheckProcess {
  isUsable = true;
  private readonly child: ChildProcess;
  private readonly pending = new Map<number, Pending>();
  private lastId = 0;
  private linger: NodeJS.Timeout | undefined;

  constructor(
    [program, ...values]: readonly string[],
    private readonly onBroken: (reason: string) => void
  ) {
    const { PATH = '/usr/bin:/bin' } = process.env;
    this.child = spawn(program!, values, {
      // A process group of its own, to be killed with its children; Ctrl-C in a terminal does not reach it.
      detached: true,
      // Must not be on a share.
      cwd: '/',
      env: { PATH, LC_ALL: 'C', UV_THREADPOOL_SIZE: String(THREADS) },
      stdio: ['pipe', 'pipe', 'ignore']
    });
    const { stdin, stdout } = this.child;
    // The parent may exit; then the process reads the end of its input.
    this.child.unref();
    for (const pipe of [stdin, stdout]) (pipe as Socket | null)?.unref();
    stdin?.on('error', () => undefined);
    if (stdout) createInterface({ input: stdout }).on('line', line => this.answer(line));
    this.child.once('error', error => this.ended(error));
    // Not `exit`: a child that the kernel cannot kill still holds its output.
    this.child.once('close', () => this.ended(null));
  }

  check(path: string, timeoutMs: number, events: CheckEvents): void {
    clearTimeout(this.linger);
    const id = (this.lastId += 1);
    const since = Date.now();
    this.pending.set(id, { ...events, timeoutMs, since, timer: undefined, isLate: false });
    this.child.stdin?.write(`${JSON.stringify({ id, path })}\n`);
  }

  private answer(line: string): void {
    const { id, begun, filled, message } = JSON.parse(line) as Answer;
    const one = this.pending.get(id);
    if (!one) return;
    if (begun) {
      one.since = Date.now();
      one.timer = setTimeout(() => this.late(one), one.timeoutMs).unref();
      return;
    }
    clearTimeout(one.timer);
    this.pending.delete(id);
    one.onResult(
      filled === undefined ? { message: message ?? 'it failed' } : { filled },
      one.since
    );
    if (!this.isUsable) this.endIfStuck();
    else if (this.pending.size === 0)
      this.linger = setTimeout(() => this.finish(), LINGER_MS).unref();
  }

  private late(one: Pending): void {
    one.isLate = true;
    this.isUsable = false;
    one.onTimeout(one.since);
    this.endIfStuck();
  }

  /** Other shares may be about to respond. */
  private endIfStuck(): void {
    if ([...this.pending.values()].every(({ isLate }) => isLate)) this.kill();
  }

  private finish(): void {
    this.isUsable = false;
    this.child.stdin?.end();
  }

  private kill(): void {
    if (this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  }

  private ended(error: Error | null): void {
    const isBroken = this.isUsable && this.pending.size > 0;
    this.isUsable = false;
    clearTimeout(this.linger);
    if (isBroken) this.onBroken(error?.message ?? `exit code ${this.child.exitCode}`);
    for (const one of this.pending.values()) {
      clearTimeout(one.timer);
      one.onResult(null, one.since);
    }
    this.pending.clear();
  }
}
