import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LocalLauncher } from '../src/launchers/local/local-launcher.js';
import { findInstallation } from '../src/launchers/local/spark-installation.js';
import { readConfig } from '../src/config.js';
import { endAll } from './support/processes.js';
import {
  environment,
  PATIENCE_MS,
  SMALL,
  sparkHome,
  temporaryDirectory
} from './support/server.js';

/** The setup creates the archives while the server is running. */
describe('Class-data archives', () => {
  const directory = temporaryDirectory();
  const clusters = join(directory.path, 'clusters');
  const home = join(directory.path, 'spark');
  let launcher: LocalLauncher;

  beforeAll(async () => {
    mkdirSync(home);
    for (const name of ['jars', 'conf', 'work', 'executor', 'bin', 'python'])
      symlinkSync(join(sparkHome, name), join(home, name));
    const config = readConfig(environment(directory.path, { AGLAIS_SPARK_HOME: home }));
    const installation = await findInstallation(config);
    const options = { directory: clusters, installation, cgroup: null, memoryMiB: 8_192 };
    launcher = new LocalLauncher(options);
  });
  afterAll(async () => {
    await endAll(clusters);
    directory.remove();
  }, PATIENCE_MS);

  const argumentsOf = async (id: string): Promise<string> => {
    await launcher.start({ id, shape: SMALL, token: `of-${id}`, catalogue: [] });
    const text = readFileSync(join(clusters, id, 'driver.args'), 'utf8');
    await launcher.stop(id);
    return text;
  };

  it(
    'are used from the first start on after they are complete, and not before',
    async () => {
      mkdirSync(join(home, 'archives-of-1'));
      for (const who of ['driver', 'executor'])
        writeFileSync(join(home, 'archives-of-1', `${who}.jsa`), 'half');
      expect(await argumentsOf('early')).not.toContain('.jsa');
      for (const who of ['driver', 'executor']) writeFileSync(join(home, `${who}.jsa`), 'whole');
      const text = await argumentsOf('late');
      for (const who of ['driver', 'executor']) expect(text).toContain(join(home, `${who}.jsa`));
    },
    PATIENCE_MS
  );
});
