import { Shape } from '@aglais/protocol';
import type { Logger } from 'pino';
import { ResizeRefused, type Launcher } from '../../launchers/launcher.js';
import type { ClusterRow } from '../../store/schema.js';
import type { ClusterRows } from '../cluster-rows.js';

export interface DesiredShapesParts {
  launcher: Launcher;
  rows: ClusterRows;
  log: Logger;
}

/** A previous server may have been killed between saving a new shape and applying it. */
export class DesiredShapes {
  constructor(private readonly parts: DesiredShapesParts) {}

  /** For all ready clusters. Never rejects: it takes long for many clusters, and nothing waits for it. */
  async applyDesiredShapes(): Promise<void> {
    const { rows, log } = this.parts;
    const live = await rows.live().catch((error: unknown) => {
      log.error({ err: error }, 'the shapes of clusters could not be checked');
      return [];
    });
    await Promise.all(live.map(row => this.applyDesiredShape(row)));
  }

  /** For one cluster, if it is ready. A refused shape is withdrawn: the row gets the actual shape. Never rejects. */
  async applyDesiredShape({ id, shape, state }: ClusterRow): Promise<void> {
    const { launcher, rows, log } = this.parts;
    if (state !== 'ready') return;
    try {
      await launcher.resize(id, Shape.parse(JSON.parse(shape)));
    } catch (error) {
      log.error({ err: error, cluster: id }, 'a cluster does not have its desired shape');
      if (!(error instanceof ResizeRefused)) return;
      const actual = (await launcher.observe(id).catch(() => null))?.shape;
      if (actual)
        await rows.updateIfHolder(id, { shape: JSON.stringify(actual) }).catch(() => false);
    }
  }
}
