import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { checkout, node, python } from '../paths.mjs';
import { installedPart } from './installed.mjs';
import { hasOwnNetworks } from './own-network.mjs';
import { checkResult, pytestResult, sum } from './reports.mjs';
import { failure, nothing, skip } from './schedule.mjs';
import { testbedParts } from './testbed.mjs';

const CHECKS = [
  ['ESLint', 'eslint', '.'],
  ['Prettier', 'prettier', '--check', '--log-level', 'warn', '.'],
  ['Ruff', 'ruff', 'check', '.'],
  ['the types of tests', 'tsc', '-p', 'tsconfig.tests.json'],
  ['the types of tests of the extension', 'tsc', '-p', 'extension/tsconfig.tests.json'],
  ['the types of tests in the browser', 'tsc', '-p', 'ui-tests/tsconfig.json']
];
const PYTHON_PARTS = ['interpreters/jupyter', 'extension', 'catalogues', 'notebooks'];

const FASTER_STARTS = join('setup', 'faster-starts.mjs');

/** Parts that need a Kubernetes, and the part that provides it. */
export const KUBERNETES_PARTS = ['testbed', 'kubernetes', 'kubernetes-ui', 'testbed-down'];

/**
 * The parts of `npm test`, longest first. All need what is installed first, so that the longest ones start first.
 * @param {import('./runners.mjs').Runners} runners
 * @param {{ args: string[], mayBuild: boolean }} options `args`: for the runner of a single chosen part; `mayBuild`:
 * testbedParts
 * @returns {import('./schedule.mjs').Part[]}
 */
export function makeParts(runners, { args, mayBuild }) {
  const found = { browser: null };
  const testbed = testbedParts(runners, { mayBuild, usedBy: ['kubernetes', 'kubernetes-ui'] });
  const chosen = args.length > 0 ? ['--passWithNoTests', ...args] : [];

  const ownNetwork = hasOwnNetworks();

  async function inBrowser(part, signal, config, options) {
    if (!found.browser)
      return failure(
        'no browser was found and none could be installed; install Chromium or name one with AGLAIS_BROWSER'
      );
    const env = { ...options.env, AGLAIS_BROWSER: found.browser };
    return runners.playwright(part, signal, config, args, { ...options, env });
  }

  return [
    installedPart(runners, found),
    {
      name: 'faster-starts',
      minutes: 30,
      async run(signal) {
        const code = await runners.show('faster-starts', signal, node, [FASTER_STARTS]);
        return code === 0 ? nothing() : failure(`${FASTER_STARTS} ended with ${code}`);
      }
    },
    testbed.up,
    {
      name: 'spark',
      needs: ['installed', 'faster-starts'],
      minutes: 40,
      run: signal =>
        runners.jest('spark', signal, ['--runInBand', ...chosen], {
          env: { AGLAIS_TESTS: 'spark' },
          lines: 'tests'
        })
    },
    {
      name: 'kubernetes',
      needs: ['testbed'],
      minutes: 60,
      async run(signal) {
        const { facts, skipped } = testbed.kubernetes();
        if (!facts) return skip(`all tests that need a Kubernetes: ${skipped}`);
        const config = ['--config', 'jest.kubernetes.mjs', '--runInBand', ...chosen];
        return runners.jest('kubernetes', signal, config, { env: facts, lines: 'tests' });
      }
    },
    {
      name: 'style',
      needs: ['installed'],
      minutes: 30,
      async run(signal) {
        const results = [];
        for (const [name, command, ...rest] of CHECKS) {
          if (signal.aborted) break;
          results.push(
            checkResult(name, await runners.show('style', signal, command, [...rest, ...args]))
          );
        }
        return sum(results);
      }
    },
    {
      name: 'units',
      needs: ['installed'],
      minutes: 30,
      run: signal =>
        runners.jest('units', signal, [`--maxWorkers=${availableParallelism()}`, ...chosen], {
          env: { AGLAIS_TESTS: 'units' }
        })
    },
    {
      name: 'kubernetes-ui',
      needs: ['kubernetes', 'faster-starts'],
      minutes: 30,
      run: async signal => {
        const { facts } = testbed.kubernetes();
        return facts ? inBrowser('kubernetes-ui', signal, 'kubernetes', { env: facts }) : nothing();
      }
    },
    testbed.down,
    {
      name: 'ui',
      // In the network of the pods, its browser would abort requests.
      needs: ['installed', 'faster-starts', ...(ownNetwork ? [] : ['testbed-down'])],
      minutes: 40,
      run: signal => inBrowser('ui', signal, 'playwright', { ownNetwork })
    },
    {
      name: 'python',
      needs: ['installed'],
      minutes: 35,
      // Each in its own directory, with its own settings: a broken one does not hide failures of the others.
      async run(signal) {
        const results = [];
        for (const part of PYTHON_PARTS) {
          if (signal.aborted) break;
          const report = runners.report(`pytest-${part.replace('/', '-')}.xml`);
          const pytest = ['-m', 'pytest', '-v', '--no-header', `--junitxml=${report}`, ...args];
          const code = await runners.show('python', signal, python, pytest, {
            cwd: join(checkout, part)
          });
          results.push(pytestResult(report, code));
        }
        return sum(results);
      }
    },
    {
      name: 'corpus',
      needs: ['installed', 'faster-starts'],
      minutes: 35,
      /** A few real failures and healthy runs; `npm run test:long` runs all of them. */
      run: signal => runners.corpus('corpus', signal, args.length > 0 ? args : ['quick'])
    }
  ];
}
