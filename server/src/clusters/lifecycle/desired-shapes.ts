import { setTimeout as sleep } from 'node:timers/promises';
import { Shape } from '@aglais/protocol';
import type { Logger } from 'pino';
import { backOffAfter } from '../../back-off.js';
import { errorMessage } from '../../error-message.js';
import { ResizeIncomplete, ResizeRefused, type Launcher } from '../../launchers/launcher.js';
import type { ClusterRow } from '../../store/schema.js';
import type { ClusterRows } from '../cluster-rows.js';

/** Number of attempts where the failure is not a refusal. */
const ATTEMPTS = 5;
const RESTART_NEEDED = 'a running Spark cannot take it';

export interface DesiredShapesParts {
  launcher: Launcher;
  rows: ClusterRows;
  log: Logger;
  /** A shape was withdrawn, and why, for people. */
  onGivenUp: (id: string, why: string) => void;
}

/** A previous server may have been killed between saving a new shape and applying it. */
export class DesiredShapes {
  private readonly abort = new AbortController();

  constructor(private readonly parts: DesiredShapesParts) {}

  /** Ends all retries. */
  close(): void {
    this.abort.abort();
  }

  /** For all ready clusters. Never rejects: it takes long for many clusters, and nothing waits for it. */
  async applyDesiredShapes(): Promise<void> {
    const { rows, log } = this.parts;
    const live = await rows.live().catch((error: unknown) => {
      log.error({ err: error }, 'the shapes of clusters could not be checked');
      return [];
    });
    await Promise.all(live.map(row => this.applyDesiredShape(row)));
  }

  /**
   * For one cluster, if it is ready. A shape that is refused, or cannot be applied after a few attempts, is withdrawn: the row
   * gets the actual shape. Never rejects.
   */
  async applyDesiredShape(row: ClusterRow): Promise<void> {
    const { log } = this.parts;
    if (row.state !== 'ready') return;
    try {
      const why = await this.apply(row);
      if (why !== null) await this.giveUp(row, why);
    } catch (error) {
      log.error({ err: error, cluster: row.id }, 'a cluster does not have its desired shape');
    }
  }

  /** Null: it is applied, or the launcher completes it; otherwise why it cannot be applied. */
  private async apply({ id, shape }: ClusterRow): Promise<string | null> {
    const { launcher, log } = this.parts;
    const { signal } = this.abort;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const done = await launcher.resize(id, Shape.parse(JSON.parse(shape)));
        return done === 'restart-needed' ? RESTART_NEEDED : null;
      } catch (error) {
        if (error instanceof ResizeIncomplete || signal.aborted) return null;
        log.warn({ err: error, cluster: id }, 'a cluster does not have its desired shape');
        if (error instanceof ResizeRefused || attempt === ATTEMPTS) return errorMessage(error);
        await sleep(backOffAfter(error, attempt, Math.random()), undefined, { signal });
      }
    }
  }

  private async giveUp({ id, shape }: ClusterRow, why: string): Promise<void> {
    const { launcher, rows, onGivenUp } = this.parts;
    const actual = (await launcher.observe(id))?.shape;
    if (!actual || JSON.stringify(actual) === shape) return;
    if (await rows.updateIfHolder(id, { shape: JSON.stringify(actual) })) onGivenUp(id, why);
  }
}
