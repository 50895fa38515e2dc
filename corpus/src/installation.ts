import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readConfig } from '@aglais/server';
import type { SparkInstallation } from '@aglais/server/launchers/local/driver-command';
import { findInstallation } from '@aglais/server/launchers/local/spark-installation';

/** The compiled file is two directories deeper. */
export const checkout = resolve(import.meta.dirname, '..', '..', '..');
export const clientScript = join(checkout, 'corpus', 'src', 'client.py');

/** The Spark installation that the setup created. */
export async function installation(): Promise<SparkInstallation> {
  const venv = join(checkout, '.venv');
  return findInstallation(
    readConfig({
      AGLAIS_SPARK_HOME: join(venv, 'spark'),
      AGLAIS_PYTHON: join(venv, 'bin', 'python'),
      AGLAIS_JAVA: (await readFile(join(venv, 'java.txt'), 'utf8')).trim()
    })
  );
}
