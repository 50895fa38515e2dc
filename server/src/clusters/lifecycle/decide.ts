import type { ClusterState } from '@aglais/protocol';
import type { ClusterRow } from '../../store/schema.js';
import type { ObservedCluster } from '../../launchers/launcher.js';

export interface Decision {
  /** What to do in the world. `stop` also tidies what a dead cluster left. */
  action: 'start' | 'stop' | 'none';
  /** What the cluster is in now. */
  state: ClusterState;
  /** Wanted from now on; differs from the row's when the cluster came to its end by itself. */
  desired: 'running' | 'stopped';
  reason: string | null;
}

export interface Deadlines {
  startMs: number;
  idleMs: number;
}

const SECOND = 1_000;
const MINUTE = 60_000;

/**
 * The next step from what is wanted and what is there. Pure; asked again after every step and every restart.
 * @param busy whether a cell or a job runs on it
 */
export function decide(
  row: ClusterRow,
  observed: ObservedCluster | null,
  busy: boolean,
  now: number,
  deadlines: Deadlines
): Decision {
  const keep = { desired: row.desired, reason: row.reason };
  if (row.desired === 'stopped') {
    const failed = row.state === 'failed';
    if (observed) return { ...keep, action: 'stop', state: failed ? 'failed' : 'stopping' };
    return { ...keep, action: 'none', state: failed ? 'failed' : 'stopped' };
  }
  const fail = (reason: string): Decision => ({
    action: 'stop',
    state: 'failed',
    desired: 'stopped',
    reason
  });
  const tooLate = now - row.created_at > deadlines.startMs;
  const notStarted = (waitingFor: string | null, advice: string | null = null) =>
    fail(
      `Spark did not start within ${duration(deadlines.startMs)}: it was still waiting for ${waitingFor}. ` +
        (advice ??
          'The machine may be overloaded; try again, or look into driver.log of this cluster.')
    );
  if (!observed) {
    // Of a start that was interrupted, or is not yet to be seen, nothing is known: starting is asked for again.
    if (row.state === 'requested' || row.state === 'starting') {
      return tooLate ? notStarted('the driver') : { ...keep, action: 'start', state: 'starting' };
    }
    return fail('Spark vanished with everything it had written. Run the cell again to start anew.');
  }
  switch (observed.state) {
    case 'exited':
      return fail(observed.exit ?? 'The Spark driver ended.');
    case 'interrupted':
      return tooLate ? notStarted('the driver') : { ...keep, action: 'start', state: 'starting' };
    case 'starting':
      // A server that has just taken it over may not have read yet that it is ready.
      if (row.ready_at !== null) return { ...keep, action: 'none', state: 'ready' };
      return tooLate
        ? notStarted(observed.waitingFor, observed.advice)
        : { ...keep, action: 'none', state: 'starting' };
    case 'ready':
      if (!busy && now - row.last_used_at > deadlines.idleMs) {
        return {
          action: 'stop',
          state: 'stopping',
          desired: 'stopped',
          reason:
            `Spark was stopped because nothing used it for ${duration(deadlines.idleMs)}. ` +
            'Variables are kept; temporary views and cached tables are gone. It starts again at the next use.'
        };
      }
      return { ...keep, action: 'none', state: 'ready' };
  }
}

function duration(ms: number): string {
  const [count, unit] =
    ms < MINUTE ? [Math.round(ms / SECOND), 'second'] : [Math.round(ms / MINUTE), 'minute'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
