import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { driverCommand, type SparkInstallation } from '../src/launchers/local/driver-command.js';
import { explainExit } from '../src/launchers/driver-exit-codes.js';
import { argumentFile, classPath } from '../src/launchers/spark-driver.js';
import { environment, SMALL, temporaryDirectory } from './support/server.js';

const directory = temporaryDirectory();
afterAll(directory.remove);

const installation: SparkInstallation = {
  home: '/opt/spark',
  java: 'java',
  python: 'python3',
  scripts: '/opt/scripts',
  javaLacks: '',
  archives: { driver: true, executor: true }
};
const spec = { id: 'abc', shape: SMALL, token: 'VERY-SECRET', catalogue: [] };
const command = (change: Partial<SparkInstallation> = {}, cgroup: string | null = null) =>
  driverCommand(spec, '/state/clusters/abc', { ...installation, ...change }, cgroup, [
    'slf4j-api-2.0.17.jar'
  ]);
const property = (name: string) =>
  command()
    .arguments.find(argument => argument.startsWith(`-D${name}=`))
    ?.slice(`-D${name}=`.length);

describe("The driver's command", () => {
  it('passes the token in the environment and never on the command line', () => {
    expect(command().arguments.join(' ')).not.toContain('VERY-SECRET');
    expect(command().environment['SPARK_CONNECT_AUTHENTICATE_TOKEN']).toBe('VERY-SECRET');
  });

  it('binds to loopback only', () => {
    expect(property('spark.driver.host')).toBe('127.0.0.1');
    expect(property('spark.driver.bindAddress')).toBe('127.0.0.1');
    expect(property('spark.connect.grpc.binding.address')).toBe('127.0.0.1');
    expect(property('spark.ui.enabled')).toBe('false');
    expect(command().environment['SPARK_LOCAL_IP']).toBe('127.0.0.1');
  });

  it('has the requested shape', () => {
    expect(command().arguments).toContain('-Xmx512m');
    expect(property('spark.master')).toBe('local-cluster[1,1,512]');
    expect(property('spark.executor.memory')).toBe('512m');
    // The contract test of launchers covers the content of the file.
    expect(command().environment['AGLAIS_LIMIT_FILE']).toMatch(/\/executor-limit$/);
  });

  it('keeps all files in the directory of the cluster', () => {
    for (const name of ['spark.local.dir', 'spark.sql.warehouse.dir', 'java.io.tmpdir']) {
      expect(property(name)).toMatch(/^\/state\/clusters\/abc\//);
    }
    expect(property('spark.eventLog.dir')).toBe('file:///state/clusters/abc/eventlog');
  });

  it('names the application after the cluster, because two may start in one second', () => {
    expect(property('spark.deploy.appIdPattern')).toBe('app-abc');
  });

  it('omits what the installation does not have', () => {
    const bare = command({
      archives: { driver: false, executor: false },
      javaLacks: 'some.module'
    });
    expect(bare.arguments.join(' ')).not.toMatch(/SharedArchiveFile|--add-modules/);
    expect(bare.environment).toMatchObject({ AGLAIS_JAVA_LACKS: 'some.module', AGLAIS_CGROUP: '' });
  });

  it('has exactly the class path that Spark uses for executors', () => {
    expect(classPath('/s', ['a.jar', 'slf4j-api-2.0.17.jar'])).toBe(
      '/s/conf/:/s/jars/slf4j-api-2.0.17.jar:/s/jars/*'
    );
  });
});

describe('The argument file', () => {
  it('passes each argument to Java unchanged, with spaces, quotes, backslashes and #', () => {
    const awkward = [
      'two  blanks',
      '"quoted"',
      "it's",
      'back\\slash',
      '#no comment',
      '*',
      '@at',
      'ü'
    ];
    const file = join(directory.path, 'java.args');
    const properties = awkward.map((value, index) => `-Daglais.${index}=${value}`);
    writeFileSync(file, argumentFile([...properties, '-XshowSettings:properties', '-version']));
    const { AGLAIS_JAVA } = environment(directory.path);
    // Java prints its settings on standard error.
    const out = execFileSync('/bin/sh', ['-c', '"$0" "@$1" 2>&1', AGLAIS_JAVA!, file], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8' }
    });
    const seen = awkward.map(
      (_value, index) => new RegExp(`^ *aglais\\.${index} = (.*)$`, 'm').exec(out)?.[1]
    );
    expect(seen).toEqual(awkward);
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(awkward.length + 3);
  });
});

describe("The message about a driver's exit", () => {
  it.each([
    [
      3,
      'Terminating due to java.lang.OutOfMemoryError: Java heap space',
      /ran out of Java heap.*more driver memory/
    ],
    [137, '', /was killed \(signal 9\)/],
    [143, '', /terminated by another process/],
    [null, '', /vanished/],
    [3, 'nothing of memory', /ended by itself \(exit code 3\)/],
    [1, 'x\njava.net.BindException: in use\nbye', /exit code 1: java\.net\.BindException: in use/]
  ])('explains exit code %s', (code, log, words) => {
    expect(explainExit(code, log)).toMatch(words);
  });

  it('always says what is kept and what is lost', () => {
    expect(explainExit(137, '')).toMatch(
      /variables are kept; temporary views and cached tables are gone/
    );
  });

  it('quotes only the last error, truncated', () => {
    const log = `first Error\n${'x'.repeat(5_000)} Exception: last`;
    const sentence = explainExit(1, log);
    expect(sentence).not.toContain('first Error');
    expect(sentence.length).toBeLessThan(600);
  });
});
