import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readConfig } from '../src/config.js';
import { childEnvironment } from '../src/launchers/local/child-environment.js';
import { LocalLauncher } from '../src/launchers/local/local-launcher.js';
import { SMALL, temporaryDirectory } from './support/server.js';

const SECRETS = {
  AGLAIS_DATABASE: 'postgresql://aglais:secret@db/aglais',
  AWS_SECRET_ACCESS_KEY: 'secret',
  PGPASSWORD: 'secret',
  JUPYTERHUB_API_TOKEN: 'secret'
};

describe('The environment of child processes of the server', () => {
  it('has what programs need to run, and no secret of the server', () => {
    const needed = { PATH: '/bin', HOME: '/home/u', LANG: 'C.UTF-8', LC_ALL: 'C', TZ: 'UTC' };
    expect(childEnvironment([], { ...needed, ...SECRETS })).toEqual(needed);
  });

  it('has the configured variables, by name or prefix', () => {
    const { driverEnvironment } = readConfig({
      AGLAIS_DRIVER_ENVIRONMENT: 'AWS_PROFILE, HADOOP_*'
    });
    const from = { AWS_PROFILE: 'p', HADOOP_CONF_DIR: '/etc/hadoop', HADOO: 'x', ...SECRETS };
    expect(childEnvironment(driverEnvironment, from)).toEqual({
      AWS_PROFILE: 'p',
      HADOOP_CONF_DIR: '/etc/hadoop'
    });
    expect(() => readConfig({ AGLAIS_DRIVER_ENVIRONMENT: 'A=secret' })).toThrow(/list of names/);
  });

  it('has proxies, unless their URL contains a password', () => {
    const proxies = { http_proxy: 'http://proxy:3128', NO_PROXY: 'localhost' };
    const secret = { HTTPS_PROXY: 'http://me:secret@proxy:3128' };
    expect(childEnvironment([], { ...proxies, ...secret })).toEqual(proxies);
  });
});

describe('A local driver', () => {
  let place: ReturnType<typeof temporaryDirectory>;
  const before = { ...process.env };

  beforeEach(() => {
    place = temporaryDirectory();
    Object.assign(process.env, SECRETS, { AGLAIS_TEST_SETTING: 'wanted' });
  });
  afterEach(() => {
    for (const name of [...Object.keys(SECRETS), 'AGLAIS_TEST_SETTING']) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
    place.remove();
  });

  it('cannot read the secrets of the server in its environment', async () => {
    const home = join(place.path, 'spark');
    const scripts = join(place.path, 'scripts');
    mkdirSync(join(home, 'jars'), { recursive: true });
    mkdirSync(scripts);
    // Instead of the real one; it only records its environment.
    writeFileSync(join(scripts, 'driver.sh'), 'env > "$1/environment"; echo > "$1/driver.lock"\n');
    const launcher = new LocalLauncher({
      directory: join(place.path, 'clusters'),
      installation: {
        home,
        java: 'java',
        python: 'python3',
        scripts,
        javaLacks: '',
        archives: { driver: false, executor: false }
      },
      cgroup: null,
      memoryMiB: 8_192,
      environment: ['AGLAIS_TEST_SETTING']
    });
    await launcher.start({ id: 'c1', shape: SMALL, token: 'token', catalogue: [] });
    const given = readFileSync(join(place.path, 'clusters', 'c1', 'environment'), 'utf8');
    const names = given.split('\n').map(line => line.split('=')[0]!);
    for (const name of Object.keys(SECRETS)) expect(names).not.toContain(name);
    expect(names).toEqual(expect.arrayContaining(['PATH', 'SPARK_HOME', 'AGLAIS_TEST_SETTING']));
  });
});
