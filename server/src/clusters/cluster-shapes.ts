import { setTimeout as sleep } from 'node:timers/promises';
import type { Shape } from '@aglais/protocol';
import { ProblemError } from '../problems.js';
import type { LeaseHolder } from './lifecycle/lease-holder.js';
import type { Journal } from '../stream/journal.js';
import { admit, holdersOf } from './admission/admit.js';
import type { ClusterRows } from './cluster-rows.js';
import { sizeNotChanged } from './cluster-warnings.js';
import { ResizeIncomplete, ResizeRefused, type Launcher } from '../launchers/launcher.js';
import { capacityWith } from './admission/options.js';
import { KeyedMutex } from '../keyed-mutex.js';

/** Another server may be resizing the same cluster; wait for it this long, ms. */
const OTHER_RESIZE_MS = 60_000;
const POLL_MS = 200;
/** Followed by the id of the cluster: the name of the lease of a resize. */
export const RESIZE_LEASE_PREFIX = 'resize of ';

export interface ClusterShapesParts {
  launcher: Launcher;
  rows: ClusterRows;
  journal: Journal;
  defaultShape: Shape;
  leaseHolder: LeaseHolder;
  /** Publishes the current row. */
  refresh(id: string): Promise<void>;
  /** Shows in the panel why the last resize failed; null: it did not. */
  warn(id: string, warning: string | null): void;
}

/** Resizes running clusters; see `canResizeInPlace` for what can be changed in place. */
export class ClusterShapes {
  private readonly mutex = new KeyedMutex();

  constructor(private readonly parts: ClusterShapesParts) {}

  /**
   * Any server may do it.
   * @returns what was lost by it, for people, or null
   * @throws a problem if it cannot be done
   */
  async resize(id: string, shape: Shape): Promise<string | null> {
    return this.mutex.runExclusive(id, async () => {
      const { rows, launcher, leaseHolder } = this.parts;
      await this.wait(id);
      try {
        const old = await this.grant(id, shape);
        // Other requests are admitted meanwhile: executors may take a while to start.
        const done = await launcher.resize(id, shape).catch((error: unknown) => error as Error);
        const refused = done === 'restart-needed' || done instanceof Error;
        if (refused && !(done instanceof ResizeIncomplete)) {
          await rows.update(id, { shape: JSON.stringify(old) });
          // The progress is unknown: roll back.
          if (done instanceof Error && !(done instanceof ResizeRefused))
            await launcher.resize(id, old).catch(() => undefined);
        }
        await this.parts.refresh(id);
        if (done instanceof ResizeRefused) this.parts.warn(id, sizeNotChanged(done.message));
        else if (!refused) this.parts.warn(id, null);
        if (refused) throw notResized(done);
        return done === 'live' ? null : done.lost;
      } finally {
        await leaseHolder.release(leaseOf(id));
      }
    });
  }

  /** Runs while no other server does the same. */
  private async wait(id: string): Promise<void> {
    const deadline = Date.now() + OTHER_RESIZE_MS;
    while ((await this.parts.leaseHolder.claim([leaseOf(id)])).length === 0) {
      if (Date.now() > deadline) {
        throw new ProblemError(
          409,
          'resize-incomplete',
          'This cluster is still being resized by an earlier request. Nothing was changed; try again.'
        );
      }
      await sleep(POLL_MS);
    }
  }

  /** Saves the new shape if there is capacity for it; after a crash, the server applies it at the next start. */
  private async grant(id: string, shape: Shape): Promise<Shape> {
    const { rows, launcher, journal, defaultShape } = this.parts;
    const { state, shape: old, options } = journal.clusters.get(id)!;
    if (state !== 'ready') {
      throw new ProblemError(409, 'not-ready', `This cluster is ${state}. Nothing was changed.`);
    }
    const capacity = await capacityWith(options, launcher);
    await rows.transaction(async bound => {
      const others = holdersOf(await bound.live(), capacity).filter(
        ({ cluster }) => cluster !== id
      );
      admit(shape, capacity, others, defaultShape);
      await bound.update(id, { shape: JSON.stringify(shape) });
    });
    return old;
  }
}

/** The lease of a resize; an orphaned one shows that a server ended in the middle of it. */
const leaseOf = (id: string) => `${RESIZE_LEASE_PREFIX}${id}`;

/** The clusters of orphaned leases. */
export async function unfinishedResizes(leases: {
  abandoned(beginning: string): Promise<string[]>;
}): Promise<{ id: string; lease: string }[]> {
  return (await leases.abandoned(RESIZE_LEASE_PREFIX)).map(lease => ({
    id: lease.slice(RESIZE_LEASE_PREFIX.length),
    lease
  }));
}

function notResized(why: 'restart-needed' | Error): Error {
  if (why instanceof ResizeRefused) return new ProblemError(409, 'resize-refused', why.message);
  if (why instanceof ResizeIncomplete)
    return new ProblemError(409, 'resize-incomplete', why.message);
  if (why instanceof Error) return why;
  return new ProblemError(
    409,
    'restart-needed',
    'A running Spark cannot take this size: heap and cores are fixed when it starts, and so is the number of executors ' +
      'on one machine. Nothing was changed. Restart Spark with this size: temporary views and cached tables are lost then, Python ' +
      'variables are kept.'
  );
}
