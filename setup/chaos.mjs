import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkout, node } from './paths.mjs';
import { setUp } from './setup.mjs';
import { testKubernetes } from './test-kubernetes.mjs';

const USAGE = `npm run chaos [-- --kills=100] [--seed=N] [--minutes=N] [--no-restart] [--no-table]

Kills the server, drivers, executors, witnesses and connections at random on the testbed (or the cluster of
AGLAIS_KUBECONFIG) while notebooks work, and checks what must hold (docs/chaos.md, which it writes).
--minutes ends the killing early.
--no-restart leaves the testbed's API server alone, for when others use it, too.`;

const { values } = parseArgs({
  allowNegative: true,
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    restart: { type: 'boolean', default: !process.env.AGLAIS_KUBECONFIG },
    table: { type: 'boolean', default: true },
    help: { type: 'boolean', default: false }
  }
});
const kills = Number(values.kills);
if (values.help || !(kills >= 1)) {
  console.log(USAGE);
  process.exit(values.help ? 0 : 2);
}
const table = join(checkout, 'docs', 'chaos.md');
const settings = {
  AGLAIS_CHAOS_KILLS: String(kills),
  AGLAIS_CHAOS_RESTART: String(values.restart),
  ...(values.minutes !== undefined && { AGLAIS_CHAOS_MINUTES: values.minutes }),
  ...(values.seed !== undefined && { AGLAIS_TEST_SEED: values.seed }),
  ...(values.table && { AGLAIS_CHAOS_TABLE: table })
};
await setUp();
// With its directory, because a checkout may be called "chaos".
const { code, skipped } = await testKubernetes([join('kubernetes', 'chaos')], {
  config: 'jest.long.mjs',
  environment: settings
});
if (values.table && !skipped)
  spawnSync(node, [join(checkout, 'node_modules', '.bin', 'prettier'), '--write', table]);
if (skipped) console.error(`Nothing was killed: ${skipped}`);
process.exit(skipped ? 1 : code);
