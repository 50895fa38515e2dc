import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { TestbedError } from '../execution.js';
import { layoutOf } from './layout.js';
import { recorded, running, startTime } from './processes.js';

/** A machine can run one testbed: its rules, cgroups and addresses have fixed names. */
const NOTE = '/run/aglais-testbed.json';

export interface Ownership {
  state: string;
  network: string;
  /** The process that is currently starting or stopping it. */
  pid: number;
  started: string | null;
}

export function owner(): Ownership | null {
  if (!existsSync(NOTE)) return null;
  return JSON.parse(readFileSync(NOTE, 'utf8')) as Ownership;
}

/** Whether any of its programs is running. */
export function isAlive({ state }: Ownership): boolean {
  const layout = layoutOf(state);
  return recorded(layout).some(name => running(layout, name) !== null);
}

/** Whether all of its programs are running. */
export function isWhole({ state }: Ownership): boolean {
  const layout = layoutOf(state);
  const names = recorded(layout);
  return names.length > 0 && names.every(name => running(layout, name) !== null);
}

/** Whether another process is currently starting or stopping it. */
const isBusy = ({ pid, started }: Ownership) =>
  pid !== process.pid && started !== null && startTime(pid) === started;

/**
 * Acquires the testbed of this machine. Returns what a crashed one left, to be cleaned up.
 * @throws TestbedError if another one is running, or is being started or stopped
 */
export function claim(state: string, network: string): Ownership | null {
  const before = owner();
  if (before && isBusy(before))
    throw new TestbedError(
      `Another process (${before.pid}) is bringing the testbed in ${before.state} up or down. Try again when it is done.`
    );
  if (before && before.state !== state && isAlive(before))
    throw new TestbedError(
      `A testbed runs on this machine already, in ${before.state}; there can be one. ` +
        `Use it (AGLAIS_KUBECONFIG=${layoutOf(before.state).kubeconfig}), or take it down: AGLAIS_TESTBED=${before.state} npm run testbed -- down`
    );
  write({ state, network }, before === null);
  return before;
}

/** Marks that starting or stopping is complete. */
export function settle(state: string, network: string): void {
  writeFileSync(
    NOTE,
    JSON.stringify({ state, network, pid: 0, started: null } satisfies Ownership)
  );
}

export function release(): void {
  rmSync(NOTE, { force: true });
}

function write(whose: Pick<Ownership, 'state' | 'network'>, isFirst: boolean): void {
  mkdirSync(dirname(NOTE), { recursive: true });
  writeFileSync(
    NOTE,
    JSON.stringify({
      ...whose,
      pid: process.pid,
      started: startTime(process.pid)
    } satisfies Ownership),
    // Of two that start at the same time one fails.
    { flag: isFirst ? 'wx' : 'w' }
  );
}
