import long from '../../jest.long.mjs';
import { skip } from './schedule.mjs';
import { testbedParts } from './testbed.mjs';

/** The names of the projects in jest.kubernetes.mjs. */
const ON_KUBERNETES = ' on Kubernetes';

/** Number of kills in the long run; each can be set in the environment. */
const KILLS = {
  AGLAIS_CHAOS_KILLS: process.env.AGLAIS_CHAOS_KILLS ?? '100',
  AGLAIS_REPLICA_KILLS: process.env.AGLAIS_REPLICA_KILLS ?? '30',
  AGLAIS_SERVER_KILLS: process.env.AGLAIS_SERVER_KILLS ?? '32'
};

/**
 * The parts of `npm run test:long`, one after the other: their measurements are kept, and must not be disturbed.
 * @param {import('./runners.mjs').Runners} runners
 * @param {string[]} args for the runner of a single chosen part
 * @returns {import('./schedule.mjs').Part[]}
 */
export function makeLongParts(runners, args) {
  const testbed = testbedParts(runners, { mayBuild: true, usedBy: ['kubernetes'] });
  const jest = isChosen => [
    ...['--config', 'jest.long.mjs', '--selectProjects'],
    ...long.projects.map(({ displayName }) => displayName).filter(isChosen),
    ...['--runInBand', '--passWithNoTests', ...args]
  ];
  return [
    testbed.up,
    {
      name: 'kubernetes',
      needs: ['testbed'],
      minutes: 180,
      async run(signal) {
        const { facts, skipped } = testbed.kubernetes();
        if (!facts) return skip(`all tests that need a Kubernetes: ${skipped}`);
        // Only the testbed's API server may be killed, and only if nobody else uses it.
        const own = { AGLAIS_CHAOS_RESTART: String(!process.env.AGLAIS_KUBECONFIG) };
        const env = { ...facts, ...own, ...KILLS };
        return runners.jest(
          'kubernetes',
          signal,
          jest(name => name.endsWith(ON_KUBERNETES)),
          {
            ...{ env, lines: 'tests' }
          }
        );
      }
    },
    {
      name: 'units',
      needs: ['testbed-down'],
      minutes: 120,
      run: signal =>
        runners.jest(
          'units',
          signal,
          jest(name => !name.endsWith(ON_KUBERNETES)),
          { env: KILLS, lines: 'tests' }
        )
    },
    {
      name: 'corpus',
      needs: ['units'],
      minutes: 180,
      run: signal => runners.corpus('corpus', signal, args)
    },
    testbed.down
  ];
}
