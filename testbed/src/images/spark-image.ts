import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs';
import { join } from 'node:path';
import { environmentFor, sourcesOf } from '../binaries/debian.js';
import { cached, keyOf } from '../cached.js';
import { checkout } from '../directories.js';
import { execute, output, type Progress, TestbedError } from '../execution.js';
import type { Versions } from '../versions.js';
import { type ImageConfig, layerOf, writeLayout } from './oci.js';
import { SAME_EVERY_TIME } from './probe-image.js';
import { requirementsOf } from './requirements.js';

const spark = join(checkout, 'interpreters', 'spark');
const sources = join(spark, 'image');
/** Checked in, because the Dockerfile needs it, too; a test compares it with its source. */
const requirements = join(sources, 'requirements.txt');
const python = join(checkout, '.venv', 'bin', 'python');
const witness = join(checkout, 'witness', 'dist');

const ENTRY_POINTS = ['driver.sh', 'executor.sh', 'witness.sh'];
/** Minor version of Python 3 in the Debian releases that the image can be based on. */
const PYTHON: Record<string, number> = { bookworm: 11, trixie: 13 };
/** The modification time of all our files (2020-01-01); class-data archives contain it, so it must not change. */
const EPOCH = '1577836800';

export const SPARK_IMAGE_CONFIG: ImageConfig = {
  entrypoint: ['/opt/aglais/bin/executor.sh'],
  env: {
    PATH: '/opt/spark/bin:/usr/local/bin:/usr/bin:/bin',
    LANG: 'C.UTF-8',
    JAVA_HOME: '/usr/lib/jvm/java',
    SPARK_HOME: '/opt/spark',
    SPARK_SCALA_VERSION: '2.13',
    PYTHONPATH: '/opt/python',
    PYSPARK_PYTHON: '/usr/bin/python3'
  },
  user: '185',
  workdir: '/tmp'
};

export interface SparkImage {
  reference: string;
  /** An OCI image layout. */
  layout: string;
}

const list = (name: string) =>
  readFileSync(join(sources, name), 'utf8').split('\n').filter(Boolean);

/** The expected content of the image's list of Python packages: its part of the project's lock file. */
export function currentRequirements(release: string): string {
  const lock = readFileSync(join(checkout, 'setup', 'requirements.txt'), 'utf8');
  return requirementsOf(lock, list('python-packages.txt'), PYTHON[release] ?? 0);
}

export function writeRequirements(release: string): void {
  writeFileSync(requirements, currentRequirements(release));
}

/** Builds the image of drivers and executors; each layer only if one of its inputs has changed. */
export async function makeSparkImage(
  versions: Versions,
  debianRoot: string,
  cache: string,
  progress: Progress
): Promise<SparkImage> {
  const log = join(cache, 'logs', 'spark-image.log');
  const base = await baseLayer(versions.debian, debianRoot, cache, log, progress);
  const packages = await pythonPackages(versions.debian, cache, log, progress);
  const jars = await s3aJars(cache, progress);
  const layers = await sparkLayers(base, packages, jars, cache, log, progress);
  const programs = await programLayer(cache, log);
  const paths = [base, join(layers, 'python.tar'), join(layers, 'spark.tar'), programs];
  const key = keyOf([SPARK_IMAGE_CONFIG, ...paths]);
  const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as {
    version: string;
  };
  const reference = `aglais.local/aglais-spark:${version}-${key}`;
  const layout = await cached(
    value => join(cache, `spark-image-${value}`),
    key,
    async unfinished => {
      const described = [];
      for (const path of paths) described.push(await layerOf(path));
      writeLayout(unfinished, reference, described, SPARK_IMAGE_CONFIG);
    }
  );
  return { reference, layout };
}

/** Debian with Java and Python. */
function baseLayer(
  release: string,
  debianRoot: string,
  cache: string,
  log: string,
  progress: Progress
): Promise<string> {
  const packages = list('debian-packages.txt');
  return cached(
    key => join(cache, `base-${key}.tar`),
    keyOf([release, packages], [join(sources, 'finish-base.sh')]),
    async unfinished => {
      progress.say(`Spark image: Debian ${release} with Java and Python`);
      const work = `${unfinished}.work`;
      mkdirSync(work, { recursive: true });
      const { PATH } = environmentFor(debianRoot);
      await execute(
        join(debianRoot, 'usr', 'bin', 'mmdebstrap'),
        [
          '--mode=root',
          '--variant=minbase',
          '--format=tar',
          `--include=${packages.join(',')}`,
          '--aptopt=APT::Install-Recommends "false"',
          ...['man', 'doc', 'locale', 'info'].map(
            folder => `--dpkgopt=path-exclude=/usr/share/${folder}/*`
          ),
          // The Java packages fail without this directory, which the line above excludes.
          '--essential-hook=mkdir -p "$1/usr/share/man/man1"',
          `--customize-hook=cp ${join(sources, 'finish-base.sh')} "$1/tmp/" && chroot "$1" sh /tmp/finish-base.sh`,
          release,
          unfinished,
          ...sourcesOf(release)
        ],
        { log, env: { ...process.env, PATH, TMPDIR: work, SOURCE_DATE_EPOCH: EPOCH } }
      );
      rmSync(work, { recursive: true, force: true });
    }
  );
}

/** PySpark and its dependencies, as pip unpacks them. */
function pythonPackages(
  release: string,
  cache: string,
  log: string,
  progress: Progress
): Promise<string> {
  const minor = PYTHON[release];
  if (!minor) throw new TestbedError(`Which Python Debian ${release} has is not known.`);
  const isSource = (entry: string) => entry.startsWith('pyspark==');
  const entries = readFileSync(requirements, 'utf8').split(/\n(?=\S)/);
  const wheels = `${entries.filter(entry => !isSource(entry)).join('\n')}\n`;
  const source = `${entries.filter(isSource).join('\n')}\n`;
  return cached(
    key => join(cache, `python-${key}`),
    keyOf([wheels, source]),
    async unfinished => {
      progress.say('Spark image: PySpark and its Python packages');
      mkdirSync(unfinished, { recursive: true });
      const pip = ['-m', 'pip', '--no-input', 'install', '--no-deps', '--no-compile'];
      const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
      // Whatever Python this machine has, take the packages for the image's Python (its glibc is 2.36).
      const platforms = Array.from({ length: 20 }, (_, i) => `manylinux_2_${36 - i}_${machine}`);
      for (const [name, content, options] of [
        [
          'wheels.txt',
          wheels,
          [
            '--only-binary=:all:',
            `--python-version=3.${minor}`,
            ...[...platforms, `manylinux2014_${machine}`].map(value => `--platform=${value}`)
          ]
        ],
        ['source.txt', source, []]
      ] as const) {
        const file = `${unfinished}.${name}`;
        writeFileSync(file, content);
        await execute(
          python,
          [...pip, ...options, '--require-hashes', '--target', unfinished, '-r', file],
          { log }
        );
        rmSync(file);
      }
    }
  );
}

/**
 * S3A for the Hadoop version in PySpark, from Maven Central, each jar verified by its checksum.
 * @returns their directory
 */
export function s3aJars(cache: string, progress: Progress): Promise<string> {
  const inputs = ['s3a-jars.txt', 'fetch-jars.sh'].map(name => join(sources, name));
  return cached(
    key => join(cache, `s3a-jars-${key}`),
    keyOf([], inputs),
    async unfinished => {
      progress.say('Spark image: S3A and its parts of the AWS SDK');
      const find =
        'import glob, os, pyspark; print(*glob.glob(os.path.join(os.path.dirname(pyspark.__file__), "jars", "ivy-*.jar")))';
      const ivy = output(python, ['-c', find]);
      if (!ivy) throw new TestbedError('PySpark is not in .venv; run npm run setup and try again.');
      const [list = '', script = ''] = inputs;
      const log = join(cache, 'logs', 's3a-jars.log');
      await execute('sh', [script, list, unfinished, ivy, process.env.AGLAIS_JAVA || 'java'], {
        log
      });
    }
  );
}

/** SPARK_HOME with our listeners and class-data archives, created inside the same file system that pods will have. */
function sparkLayers(
  base: string,
  packages: string,
  jars: string,
  cache: string,
  log: string,
  progress: Progress
): Promise<string> {
  const inputs = [
    ...['make-home.sh', 'make-archives.sh', 'training_cluster.py', ...ENTRY_POINTS].map(name =>
      join(sources, name)
    ),
    join(spark, 'src'),
    join(spark, 'training.py')
  ];
  return cached(
    key => join(cache, `spark-layers-${key}`),
    keyOf([base, packages, jars, EPOCH], inputs),
    async unfinished => {
      progress.say('Spark image: SPARK_HOME and class-data archives');
      const root = `${unfinished}.root`;
      rmSync(root, { recursive: true, force: true });
      mkdirSync(root, { recursive: true });
      mkdirSync(unfinished);
      try {
        await execute('tar', ['-xpf', base, '-C', root, '--numeric-owner'], { log });
        await execute('cp', ['-a', packages, join(root, 'opt', 'python')], { log });
        const aglais = join(root, 'opt', 'aglais');
        mkdirSync(join(aglais, 'training'), { recursive: true });
        cpSync(jars, join(aglais, 'jars'), { recursive: true });
        cpSync(join(spark, 'src'), join(aglais, 'src'), { recursive: true });
        copyFileSync(join(spark, 'training.py'), join(aglais, 'training', 'training.py'));
        copyFileSync(
          join(sources, 'training_cluster.py'),
          join(aglais, 'training', 'training_cluster.py')
        );
        copyEntryPoints(join(aglais, 'bin'));
        for (const script of ['make-home.sh', 'make-archives.sh']) {
          copyFileSync(join(sources, script), join(root, 'tmp', script));
          await executeInside(root, ['sh', `/tmp/${script}`], log);
        }
        for (const name of ['python', 'spark'])
          await execute(
            'tar',
            [...SAME_EVERY_TIME, '-cf', join(unfinished, `${name}.tar`), '-C', root, `opt/${name}`],
            { log }
          );
      } finally {
        rmSync(root, { recursive: true, force: true });
      }
    }
  );
}

/** Runs a program with another root, in namespaces that end with it: no mounts or processes are left. */
function executeInside(root: string, command: readonly string[], log: string): Promise<void> {
  const script = [
    'mount --rbind /dev "$0/dev"',
    'mount -t proc proc "$0/proc"',
    'mount -t tmpfs tmpfs "$0/run"',
    'echo "127.0.0.1 localhost $(uname -n)" > "$0/etc/hosts"',
    'exec chroot "$0" "$@"'
  ].join(' && ');
  return execute(
    'unshare',
    ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', script, root, ...command],
    {
      log,
      env: {
        ...SPARK_IMAGE_CONFIG.env,
        PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
        SOURCE_DATE_EPOCH: EPOCH
      }
    }
  );
}

function copyEntryPoints(directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const name of ENTRY_POINTS) {
    copyFileSync(join(sources, name), join(directory, name));
    chmodSync(join(directory, name), 0o755);
  }
}

/** Our own files: entry points, the witness, and its Node. */
function programLayer(cache: string, log: string): Promise<string> {
  const node = join(checkout, 'node_modules', 'node', 'bin', 'node');
  const version = output(node, ['--version']);
  if (!version) throw new TestbedError('Node is not in node_modules; run npm ci and try again.');
  const files = existsSync(witness)
    ? readdirSync(witness).filter(name => name.endsWith('.js') || name === 'package.json')
    : [];
  return cached(
    key => join(cache, `programs-${key}.tar`),
    keyOf(
      [version, process.arch, files],
      [
        ...ENTRY_POINTS.map(name => join(sources, name)),
        join(spark, 'warm_up.py'),
        ...files.map(name => join(witness, name))
      ]
    ),
    async unfinished => {
      const root = `${unfinished}.root`;
      const aglais = join(root, 'opt', 'aglais');
      for (const folder of ['node/bin', 'witness'])
        mkdirSync(join(aglais, folder), { recursive: true });
      copyEntryPoints(join(aglais, 'bin'));
      copyFileSync(join(spark, 'warm_up.py'), join(aglais, 'warm_up.py'));
      copyFileSync(node, join(aglais, 'node', 'bin', 'node'));
      chmodSync(join(aglais, 'node', 'bin', 'node'), 0o755);
      for (const name of files) copyFileSync(join(witness, name), join(aglais, 'witness', name));
      // Otherwise Node would load the witness as a CommonJS module.
      if (!files.includes('package.json'))
        writeFileSync(join(aglais, 'witness', 'package.json'), '{ "type": "module" }\n');
      await execute('tar', [...SAME_EVERY_TIME, '-cf', unfinished, '-C', root, 'opt/aglais'], {
        log
      });
      rmSync(root, { recursive: true });
    }
  );
}
