import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Installation } from '../store/installation.js';
import { replaceFile, writeOnce } from '../store/files.js';
import { readText } from './cluster-directory.js';

const MARK = 'installation';

/**
 * Checks, before anything in it is changed, that the clusters in a directory belong to this installation, and marks the
 * directory. A directory without a mark is from an earlier version: the database has to know one of its clusters. An
 * empty one can be used.
 * @param directory with one directory per cluster
 * @throws with a remedy, if the clusters belong to another installation
 */
export async function claimDirectory(directory: string, installation: Installation): Promise<void> {
  const file = join(directory, MARK);
  const mark = await readText(file);
  if (mark === installation.id) return;
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const clusters = entries.filter(entry => entry.isDirectory()).map(({ name }) => name);
  const known = mark === null ? await installation.clusters() : new Set<string>();
  if (clusters.length > 0 && !clusters.some(id => known.has(id))) {
    throw new Error(
      `The clusters in ${directory} were made with another database than the one that this server uses; nothing was started, ` +
        'and they were left as they are. Start the server with that database again (AGLAIS_DATABASE, or aglais.sqlite in ' +
        `AGLAIS_STATE). If it is lost: end the Spark processes of these clusters, then remove ${directory}.`
    );
  }
  if (mark === null) await writeOnce(file, installation.id);
  else await replaceFile(file, installation.id);
}
