import { Shape } from '@aglais/protocol';
import type { Logger } from 'pino';
import type { ClusterRow } from '../../store/schema.js';
import type { ClusterRows } from '../cluster-rows.js';
import type { Launcher } from '../../launchers/launcher.js';

export interface DesiredShapesParts {
  launcher: Launcher;
  rows: ClusterRows;
  log: Logger;
}

/** An earlier server may have been killed between writing a new size down and bringing it about. */
export class DesiredShapes {
  constructor(private readonly parts: DesiredShapesParts) {}

  /** Of all that are ready. Never rejects: of many clusters it takes long, and nobody has to wait for it. */
  async applyDesiredShapes(): Promise<void> {
    const { rows, log } = this.parts;
    const live = await rows.live().catch((error: unknown) => {
      log.error({ err: error }, 'the sizes of clusters were not looked at');
      return [];
    });
    await Promise.all(live.map(row => this.applyDesiredShape(row)));
  }

  /** Of one, if it is ready. Never rejects. */
  async applyDesiredShape({ id, shape, state }: ClusterRow): Promise<void> {
    const { launcher, log } = this.parts;
    if (state !== 'ready') return;
    await launcher.resize(id, Shape.parse(JSON.parse(shape))).catch((error: unknown) => {
      log.error({ err: error, cluster: id }, 'a cluster does not have the size that it should');
    });
  }
}
