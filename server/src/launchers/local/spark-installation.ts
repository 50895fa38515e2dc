import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Config } from '../../config.js';
import { exists } from '../../store/files.js';
import { childEnvironment } from './child-environment.js';
import type { SparkInstallation } from './driver-command.js';

const VECTOR = 'jdk.incubator.vector';

/** The Spark installation that the setup created; throws if a part is missing. */
export async function findInstallation(config: Config): Promise<SparkInstallation> {
  const { sparkHome: home, java, python } = config;
  if (!(await exists(join(home, 'jars', 'aglais.jar')))) {
    throw new Error(`Spark is not set up in ${home}. Run "npm run setup" and start again.`);
  }
  return {
    home,
    java,
    python,
    scripts: join(import.meta.dirname, '../../../../interpreters/spark'),
    javaLacks: (await modulesOf(java)).includes(VECTOR) ? '' : VECTOR,
    archives: await findArchives(home)
  };
}

/** Existing class-data archives: the setup creates them while servers run, and renames them when they are complete. */
export async function findArchives(home: string): Promise<SparkInstallation['archives']> {
  return {
    driver: await exists(join(home, 'driver.jsa')),
    executor: await exists(join(home, 'executor.jsa'))
  };
}

async function modulesOf(java: string): Promise<string> {
  try {
    return (await promisify(execFile)(java, ['--list-modules'], { env: childEnvironment() }))
      .stdout;
  } catch (error) {
    throw new Error(
      `Java cannot be run as "${java}". Install a JDK 17 or newer, or set AGLAIS_JAVA to one.`,
      { cause: error }
    );
  }
}
