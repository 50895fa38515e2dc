import type { ClusterState } from '@aglais/protocol';
import type { ClusterRow } from '../../store/schema.js';
import type { ObservedCluster } from '../../launchers/launcher.js';
import { formatDuration } from './duration.js';
import { idleStopReason, isIdle } from './idle-policy.js';

export interface Decision {
  /** The launcher's next action. `stop` also cleans up after a dead cluster. */
  action: 'start' | 'stop' | 'none';
  /** The current state of the cluster. */
  state: ClusterState;
  /** The desired state from now on; differs from the row's if the cluster ended by itself. */
  desired: 'running' | 'stopped';
  reason: string | null;
}

export interface Deadlines {
  startMs: number;
  idleMs: number;
}

/**
 * The next action from the desired and the observed state. Pure; called again after every step and every restart.
 * @param busy whether a cell or a job is running on it
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
      `Spark did not start within ${formatDuration(deadlines.startMs)}: it was still waiting for ${waitingFor}. ` +
        (advice ??
          'The machine may be overloaded; try again, or look into driver.log of this cluster.')
    );
  if (!observed) {
    // The start was interrupted, or is not observable yet: start is idempotent and called again.
    if (row.state === 'requested' || row.state === 'starting') {
      return tooLate ? notStarted('the driver') : { ...keep, action: 'start', state: 'starting' };
    }
    return fail(
      'Spark disappeared with everything it had written. Run the cell again to start a new one.'
    );
  }
  switch (observed.state) {
    case 'exited':
      return fail(observed.exit ?? 'The Spark driver ended.');
    case 'interrupted':
      return tooLate ? notStarted('the driver') : { ...keep, action: 'start', state: 'starting' };
    case 'starting':
      // A server that has just taken over the cluster may not know yet that it is ready.
      if (row.ready_at !== null) return { ...keep, action: 'none', state: 'ready' };
      return tooLate
        ? notStarted(observed.waitingFor, observed.advice)
        : { ...keep, action: 'none', state: 'starting' };
    case 'ready':
      if (isIdle(row.last_used_at, busy, now, deadlines.idleMs)) {
        const reason = idleStopReason(deadlines.idleMs);
        return { action: 'stop', state: 'stopping', desired: 'stopped', reason };
      }
      return { ...keep, action: 'none', state: 'ready' };
  }
}
