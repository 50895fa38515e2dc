import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { KubeConfig } from '@kubernetes/client-node';
import { ApiProxy } from '../chaos/api-proxy.js';
import { writePolicy } from '../chaos/chaos-config.js';
import { Chaos } from '../chaos/chaos.js';
import { Ledger, say } from '../chaos/ledger.js';
import { KINDS, planKills, type Kind } from '../chaos/plan.js';
import { ServerProcess } from '../chaos/server-process.js';
import { tableOf } from '../chaos/table.js';
import { World } from '../chaos/world.js';
import { environment, node, temporaryDirectory } from '../support/server.js';

const KILLS = Number(process.env.AGLAIS_CHAOS_KILLS ?? 10);
/** Only the testbed's API server, and only if nobody else uses it. */
const RESTART = process.env.AGLAIS_CHAOS_RESTART === 'true';
/** After this time nothing more is killed, whatever is left of the plan. */
const MINUTES = Number(process.env.AGLAIS_CHAOS_MINUTES ?? Infinity);
const LIMIT_MS = (300 + 60 * KILLS) * 1_000;

async function restartApiServer(): Promise<void> {
  const main = resolve(import.meta.dirname, '../../../testbed/dist/main.js');
  const child = spawn(node, [main, 'restart', 'kube-apiserver'], { stdio: 'inherit' });
  const code = await new Promise(done => child.once('close', done));
  if (code !== 0) throw new Error('the API server could not be restarted');
}

it(
  `${KILLS} kills of any component leave nothing behind, start nothing twice, lose no finding and no healthy cluster`,
  async () => {
    const seed = Number(process.env.AGLAIS_TEST_SEED ?? Date.now() % 1_000_000);
    say(`AGLAIS_TEST_SEED=${seed}`);
    const admin = new KubeConfig();
    admin.loadFromFile(process.env.AGLAIS_KUBECONFIG ?? '');
    const here = /^aglais\.local\//.test(process.env.AGLAIS_SPARK_IMAGE ?? '');
    const kinds = (Object.keys(KINDS) as Kind[]).filter(
      kind => (RESTART || kind !== 'API server, restarted') && (here || kind !== 'witness')
    );
    const directory = temporaryDirectory();
    const state = join(directory.path, 'state');
    const world = new World(admin, `aglais-chaos-${randomBytes(4).toString('hex')}`);
    const proxy = await ApiProxy.open(admin);
    const config = writePolicy(directory.path, world.namespace, proxy);
    const env = environment(directory.path, {
      AGLAIS_LAUNCHER: 'kubernetes',
      AGLAIS_KUBERNETES: config,
      AGLAIS_START_SECONDS: '600'
    });
    const server = new ServerProcess(state, env, join(directory.path, 'server.log'));
    const ledger = new Ledger();
    await world.make();
    const chaos = new Chaos({
      world,
      proxy,
      server,
      directory: join(state, 'clusters'),
      ledger,
      restartApiServer
    });
    let hasEnded = false;
    try {
      await chaos.begin();
      const plan = planKills(KILLS, seed, kinds);
      const deadline = Date.now() + MINUTES * 60_000;
      for (const [index, kill] of plan.entries()) {
        say(`${index + 1}/${KILLS} ${kill.kind} (${kill.ask})`);
        await chaos.kill(kill);
        if (Date.now() > deadline) break;
      }
      await chaos.end();
      const table = tableOf(ledger, seed);
      say(table);
      if (process.env.AGLAIS_CHAOS_TABLE) writeFileSync(process.env.AGLAIS_CHAOS_TABLE, table);
      if (MINUTES === Infinity) expect(ledger.kills.length).toBe(KILLS);
      expect(ledger.violations).toEqual([]);
      hasEnded = true;
    } finally {
      await chaos.close();
      await server.kill();
      await proxy.close();
      await world.remove();
      if (hasEnded) directory.remove();
      else say(`What was left behind is in ${directory.path}.`);
    }
  },
  LIMIT_MS
);
