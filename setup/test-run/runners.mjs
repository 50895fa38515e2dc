import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { kubernetesEnvironment } from '../kubernetes.mjs';
import { checkout, node } from '../paths.mjs';
import { runProgram } from '../programs.mjs';
import { chosenJava } from '../tools.mjs';
import { inOwnNetwork } from './own-network.mjs';
import { corpusResult, jestResult, playwrightResult } from './reports.mjs';

const results = join(checkout, '.setup', 'test-results');

/**
 * Programs that run tests; the lines of each are shown for its part, and its report is parsed.
 * @param {import('./output.mjs').Output} screen
 */
export class Runners {
  #screen;

  constructor(screen) {
    this.#screen = screen;
    rmSync(results, { recursive: true, force: true });
    mkdirSync(results, { recursive: true });
  }

  /** A path for a program's report. */
  report(name) {
    return join(results, name);
  }

  /** The output of a part, until `end` is called. */
  writer(part) {
    return this.#screen.writer(part, this.report(`${part}.log`));
  }

  /** Runs a program; returns its exit code. */
  async show(part, signal, command, args, { env = {}, cwd = checkout } = {}) {
    const { onText, end } = this.writer(part);
    const environment = { ...kubernetesEnvironment(), AGLAIS_JAVA: chosenJava(), ...env };
    try {
      return await runProgram(command, args, { signal, cwd, env: environment, onText });
    } finally {
      end();
    }
  }

  /** @param {'files' | 'tests'} [options.lines] what gets a line */
  async jest(part, signal, args, { env = {}, lines = 'files' } = {}) {
    const report = this.report(`${part}.json`);
    const all = [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      join('node_modules', '.bin', 'jest'),
      ...['--json', `--outputFile=${report}`],
      `--reporters=${join(checkout, 'setup', 'test-run', 'jest-lines.mjs')}`,
      ...args
    ];
    const options = { env: { ...env, AGLAIS_TEST_LINES: lines } };
    return jestResult(report, await this.show(part, signal, node, all, options));
  }

  /** @param config name of a configuration in ui-tests @param {{ ownNetwork?: boolean, env?: object }} options */
  async playwright(part, signal, config, args, { ownNetwork = false, env = {} }) {
    const report = this.report(`${part}.json`);
    const file = join('ui-tests', `${config}.config.ts`);
    const options = { env: { ...env, PLAYWRIGHT_JSON_OUTPUT_NAME: report } };
    const command = ['playwright', 'test', '--config', file, ...args];
    const [program, ...rest] = ownNetwork ? inOwnNetwork(command) : command;
    const code = await this.show(part, signal, program, rest, options);
    return playwrightResult(report, code);
  }

  /** @param cases names of cases or groups; none: all */
  async corpus(part, signal, cases) {
    const report = this.report(`${part}.json`);
    const main = join('corpus', 'dist', 'src', 'main.js');
    const code = await this.show(part, signal, node, [main, ...cases, '--report', report]);
    return corpusResult(report, code);
  }
}
