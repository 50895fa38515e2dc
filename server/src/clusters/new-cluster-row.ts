import { randomBytes } from 'node:crypto';
import type { Shape } from '@aglais/protocol';
import type { ClusterRow } from '../store/schema.js';

/** The row of a new desired cluster. */
export function newClusterRow(
  wanted: { kernel: string; notebook: string; shape: Shape; options: readonly string[] },
  place: { launcher: string; jupyterServer: string | null; replaces: string | null }
): ClusterRow {
  const now = Date.now();
  return {
    // Sorts by time, and cannot be guessed.
    id: `${now.toString(36)}${randomBytes(5).toString('hex')}`,
    kernel: wanted.kernel,
    notebook: wanted.notebook,
    jupyter_server: place.jupyterServer,
    launcher: place.launcher,
    shape: JSON.stringify(wanted.shape),
    options: JSON.stringify(wanted.options),
    desired: 'running',
    state: 'requested',
    reason: null,
    application: null,
    spark_version: null,
    created_at: now,
    ready_at: null,
    stopped_at: null,
    last_used_at: now,
    replaces: place.replaces,
    spare: 0,
    catalogue: null,
    revision: 0
  };
}
