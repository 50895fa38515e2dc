import { spawn, type ChildProcess } from 'node:child_process';

/** Time between two probes, ms. */
const INTERVAL_MS = 2_000;
/** A file server that is only busy answers within this time, ms. */
const TIMEOUT_MS = 5_000;
/** Most characters of an error message. */
const QUOTE = 500;

/**
 * One probe. Every kind of share asks its server for the statistics of the file system, however much else it caches (NFS,
 * CephFS, FUSE); the first entry of the folder shows whether something is still mounted. The shell prints a line first: from
 * then on it is the share that takes the time, and not a busy machine.
 */
const SCRIPT = `echo begun
${process.platform === 'linux' ? 'stat -f -c %T -- "$1" > /dev/null && ' : ''}find "$1/." ! -name . -prune -print -quit`;
/** The shell's own codes: the program could not be found, or not be run. */
const NO_PROGRAM: readonly unknown[] = [126, 127];

/** `hung`: it does not answer; `gone`: it answers that there is nothing. */
export type ShareState = 'healthy' | 'hung' | 'gone';

/** A state that differs from that of the probe before. */
export interface ShareNews {
  state: ShareState;
  /** ms since the epoch. */
  at: number;
  /** When the probe began that found it. */
  since: number;
  /** The error of the probe, or that there was no answer. */
  message: string;
}

export interface ShareProbeOptions {
  intervalMs?: number;
  timeoutMs?: number;
  /** A script for `/bin/sh` in place of the usual one; it prints `begun` first. */
  script?: string;
}

/**
 * Probes a mounted share at an interval and reports its first state and each change. A probe is a process of its own: a
 * thread that asks a file system that hangs may never come back. A process that cannot even be killed is left alone until
 * the share answers, and no second one is started meanwhile.
 */
export class ShareProbe {
  private state: ShareState | null = null;
  /** There were data once: an empty folder is a mount point without its share. */
  private wasFilled = false;
  private hasWarned = false;
  private running: ChildProcess | null = null;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly path: string,
    private readonly onNews: (news: ShareNews) => void,
    private readonly options: ShareProbeOptions = {}
  ) {
    this.probe();
  }

  /** Returns at once; a process that cannot be killed ends when its share answers. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    kill(this.running);
  }

  private probe(): void {
    const { timeoutMs = TIMEOUT_MS, script = SCRIPT } = this.options;
    const child = spawn('/bin/sh', ['-c', script, 'sh', this.path], {
      // A process group of its own, to be killed together with its children.
      detached: true,
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe']
    });
    this.running = child;
    let since = Date.now();
    let output = '';
    let errors = '';
    let isLate = false;
    child.stdout.on('data', (chunk: Buffer) => {
      if (output === '') {
        since = Date.now();
        this.timer = setTimeout(() => {
          isLate = true;
          this.report('hung', since, `no answer for ${timeoutMs / 1_000} s`);
          kill(child);
        }, timeoutMs);
      }
      output += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    // No process could be started: that says nothing about the share.
    child.once('error', () => this.scheduleNext());
    child.once('close', code => {
      clearTimeout(this.timer);
      // Killed by the timeout or by somebody else: no answer.
      if (code !== null && !NO_PROGRAM.includes(code) && output !== '' && !this.closed) {
        this.evaluate(code, output.split('\n').length > 2, errors, since);
      } else if (NO_PROGRAM.includes(code) && !isLate && !this.hasWarned) {
        this.hasWarned = true;
        console.error(`aglais: ${this.path} cannot be probed: ${errors.trim()}`);
      }
      this.scheduleNext();
    });
    // The process that uses this may end before a probe does.
    child.unref();
  }

  private evaluate(code: number, isFilled: boolean, errors: string, since: number): void {
    const message = errors.trim().split('\n')[0]!.slice(0, QUOTE);
    if (code !== 0) return this.report('gone', since, message || `the probe failed (${code})`);
    if (this.wasFilled && !isFilled) {
      return this.report('gone', since, 'the folder is empty, and was not before');
    }
    this.wasFilled = isFilled;
    this.report('healthy', since, 'answers');
  }

  private report(state: ShareState, since: number, message: string): void {
    if (this.closed || state === this.state) return;
    this.state = state;
    this.onNews({ state, at: Date.now(), since, message });
  }

  private scheduleNext(): void {
    this.running = null;
    if (this.closed) return;
    this.timer = setTimeout(() => this.probe(), this.options.intervalMs ?? INTERVAL_MS);
    this.timer.unref();
  }
}

/** One probe; null if no process can be started here. Resolves in any case, soon after the timeout. */
export async function probeOnce(
  path: string,
  options: ShareProbeOptions = {}
): Promise<ShareState | null> {
  const { promise, resolve } = Promise.withResolvers<ShareState | null>();
  const probe = new ShareProbe(path, ({ state }) => resolve(state), options);
  const timer = setTimeout(() => resolve(null), 2 * (options.timeoutMs ?? TIMEOUT_MS));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    probe.close();
  }
}

function kill(child: ChildProcess | null): void {
  if (child?.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
