import { spawn, type ChildProcess } from 'node:child_process';

/** Between two looks, ms. */
const EVERY_MS = 2_000;
/** A file server that is only busy answers within this time, ms. */
const PATIENCE_MS = 5_000;
/** Of what a look says of its failure, characters. */
const QUOTE = 500;

/**
 * One look. The statistics of a file system are asked of its server by every kind of share, however much else is cached
 * (NFS, CephFS, FUSE); the first entry of the folder says whether there is still something mounted. The shell speaks
 * first: from then on it is the share that is waited for, and not a busy machine.
 */
const LOOK = `echo begun
${process.platform === 'linux' ? 'stat -f -c %T -- "$1" > /dev/null && ' : ''}find "$1/." ! -name . -prune -print -quit`;
/** The shell's own codes: the program could not be found, or not be run. */
const NO_PROGRAM: readonly unknown[] = [126, 127];

/** `hung`: it does not answer; `gone`: it answers that there is nothing. */
export type ShareState = 'healthy' | 'hung' | 'gone';

/** What a look has found that the one before had not. */
export interface ShareNews {
  state: ShareState;
  /** ms since the epoch. */
  at: number;
  /** When the look began that found it. */
  since: number;
  /** What the look said, or that it said nothing. */
  message: string;
}

export interface ShareProbeOptions {
  everyMs?: number;
  patienceMs?: number;
  /** A script for `/bin/sh` in place of the usual look; it says `begun` first. */
  look?: string;
}

/**
 * Looks at a mounted share now and then and tells what it finds first, and each change. A look is a process of its own: on a
 * file system that hangs nobody can be sure to get a thread back. One that cannot even be killed is left alone until the
 * share answers, and no second one is sent after it.
 */
export class ShareProbe {
  private state: ShareState | null = null;
  /** There were data once: an empty folder is where they were mounted. */
  private wasFilled = false;
  private hasComplained = false;
  private looking: ChildProcess | null = null;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly path: string,
    private readonly onNews: (news: ShareNews) => void,
    private readonly options: ShareProbeOptions = {}
  ) {
    this.look();
  }

  /** Returns at once; a look that cannot be ended ends with its share. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    kill(this.looking);
  }

  private look(): void {
    const { patienceMs = PATIENCE_MS, look = LOOK } = this.options;
    const child = spawn('/bin/sh', ['-c', look, 'sh', this.path], {
      // A group of its own, to be killed with what it has started.
      detached: true,
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe']
    });
    this.looking = child;
    let since = Date.now();
    let said = '';
    let complaint = '';
    let isLate = false;
    child.stdout.on('data', (chunk: Buffer) => {
      if (said === '') {
        since = Date.now();
        this.timer = setTimeout(() => {
          isLate = true;
          this.tell('hung', since, `no answer for ${patienceMs / 1_000} s`);
          kill(child);
        }, patienceMs);
      }
      said += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    // No process could be made: that says nothing of the share.
    child.once('error', () => this.again());
    child.once('close', code => {
      clearTimeout(this.timer);
      // It was killed, or somebody killed it: no answer.
      if (code !== null && !NO_PROGRAM.includes(code) && said !== '' && !this.closed) {
        this.judge(code, said.split('\n').length > 2, complaint, since);
      } else if (NO_PROGRAM.includes(code) && !isLate && !this.hasComplained) {
        this.hasComplained = true;
        console.error(`aglais: ${this.path} cannot be looked at: ${complaint.trim()}`);
      }
      this.again();
    });
    // Whoever uses this may end before a look does.
    child.unref();
  }

  private judge(code: number, isFilled: boolean, complaint: string, since: number): void {
    const words = complaint.trim().split('\n')[0]!.slice(0, QUOTE);
    if (code !== 0) return this.tell('gone', since, words || `looking at it failed (${code})`);
    if (this.wasFilled && !isFilled) {
      return this.tell('gone', since, 'the folder is empty, and was not before');
    }
    this.wasFilled = isFilled;
    this.tell('healthy', since, 'answers');
  }

  private tell(state: ShareState, since: number, message: string): void {
    if (this.closed || state === this.state) return;
    this.state = state;
    this.onNews({ state, at: Date.now(), since, message });
  }

  private again(): void {
    this.looking = null;
    if (this.closed) return;
    this.timer = setTimeout(() => this.look(), this.options.everyMs ?? EVERY_MS);
    this.timer.unref();
  }
}

/** One look; null if nothing can be run here. Resolves in any case, and soon after the patience is over. */
export async function lookOnce(
  path: string,
  options: ShareProbeOptions = {}
): Promise<ShareState | null> {
  const { promise, resolve } = Promise.withResolvers<ShareState | null>();
  const probe = new ShareProbe(path, ({ state }) => resolve(state), options);
  const timer = setTimeout(() => resolve(null), 2 * (options.patienceMs ?? PATIENCE_MS));
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
    // It has just ended.
  }
}
