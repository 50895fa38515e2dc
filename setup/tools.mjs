import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { venv } from './paths.mjs';
import { SetupError } from './steps.mjs';

/** The versions that PySpark 4.3 needs. */
const PYTHON = { major: 3, minor: 11 };
const JAVA = 17;

/** Runs a program and returns its output, or null if it is missing or fails. */
export function output(command, args) {
  const result = spawnSync(command, args, { encoding: 'utf8' });
  return result.error || result.status !== 0 ? null : `${result.stdout}${result.stderr}`.trim();
}

/** The Python from which the virtual environment is created. */
export function findPython() {
  const wanted = process.env.AGLAIS_PYTHON;
  const names = ['python3', 'python', ...[14, 13, 12, 11].map(minor => `python3.${minor}`)];
  const found = [];
  for (const name of wanted ? [wanted] : names) {
    const version = output(name, ['-c', 'import sys; print(*sys.version_info[:2])']);
    if (!version) continue;
    const [major, minor] = version.split(' ').map(Number);
    found.push(`${name} is ${major}.${minor}`);
    if (major === PYTHON.major && minor >= PYTHON.minor) return name;
  }
  throw new SetupError(
    `Aglais needs Python ${PYTHON.major}.${PYTHON.minor} or newer (${found.join(', ') || 'none was found'}).\n` +
      'Install it (Debian and Ubuntu: apt install python3 python3-venv; macOS: brew install python), ' +
      'or name one with AGLAIS_PYTHON.'
  );
}

/** The first Java of at least version 17 on this machine, or null. */
export function findSystemJava() {
  const candidates = [
    process.env.AGLAIS_JAVA,
    process.env.JAVA_HOME && join(process.env.JAVA_HOME, 'bin', 'java'),
    'java'
  ].filter(Boolean);
  for (const java of candidates) {
    const version = output(java, ['-version'])?.match(/version "(\d+)/)?.[1];
    if (Number(version) >= JAVA) return java;
  }
  return null;
}

const javaFile = join(venv, 'java.txt');

/** The Java that the setup chose. */
export function chosenJava() {
  return existsSync(javaFile) ? readFileSync(javaFile, 'utf8').trim() : null;
}

export { javaFile };
