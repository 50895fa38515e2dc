import { existsSync } from 'node:fs';
import { readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { openCgroups, readCounters } from '../src/launchers/local/cgroups.js';
import { findInstallation } from '../src/launchers/local/spark-installation.js';
import { LocalLauncher } from '../src/launchers/local/local-launcher.js';
import { readConfig } from '../src/config.js';
import { launcherContract, type MachineRoom } from './launcher.contract.js';
import { clusterProcesses, endAll } from './support/processes.js';
import { environment, eventually, sparkHome, temporaryDirectory } from './support/server.js';

const group = await openCgroups(`aglais-test-${process.pid}`);

/** Evidence files; everything else in a cluster's directory is a leftover. */
const EVIDENCE =
  /^(driver\.(lock|pid|exit|log)|stopped|live\.jsonl|evidence\.jsonl|eventlog|executors)$/;

async function open(): Promise<MachineRoom> {
  const directory = temporaryDirectory();
  const clusters = join(directory.path, 'clusters');
  const installation = await findInstallation(readConfig(environment(directory.path)));
  const names = (id: string) => readdir(join(clusters, id)).catch((): string[] => []);
  const of = async (id: string) =>
    (await clusterProcesses(clusters)).filter(({ cluster }) => cluster === id);
  return {
    launcher: () =>
      new LocalLauncher({ directory: clusters, installation, cgroup: group, memoryMiB: 8_192 }),
    drivers: async id => (await of(id)).filter(({ role }) => role === 'driver'),
    async traces(id) {
      const work = join(sparkHome, 'work', `app-${id}`);
      const cgroup = join(group ?? '/none', id);
      return [
        ...(await of(id)).map(({ pid, command }) => `process ${pid}: ${command.slice(0, 200)}`),
        ...(await names(id)).filter(name => !EVIDENCE.test(name)).map(name => `file ${name}`),
        ...[work, cgroup].filter(existsSync)
      ];
    },
    async evidence(id) {
      const logs = (await names(id)).filter(name => /\.(jsonl|log)$/.test(name));
      return Promise.all(logs.map(name => readFile(join(clusters, id, name), 'utf8')));
    },
    async kill(id, who) {
      const { pid } = await eventually('the process to kill', async () =>
        (await of(id)).find(({ role, command }) =>
          who === 'driver'
            ? role === 'driver'
            : role === 'executor' && command.includes(`--executor-id ${who.executor} `)
        )
      );
      process.kill(pid, 'SIGKILL');
    },
    url: /^sc:\/\/localhost:\d+$/,
    limitMiB: async (id, executor) =>
      group === null
        ? null
        : (readCounters(join(group, id, `executor-${executor}`))?.limitMiB ?? null),
    async close() {
      const left = await endAll(clusters);
      if (group) await rmdir(group);
      directory.remove();
      if (left.length > 0) throw new Error(`left behind: ${left.map(p => p.command).join('\n')}`);
    }
  };
}

describe(`The local launcher${group ? '' : ' (no memory cgroups on this machine)'}`, () => {
  launcherContract(open, { limits: group !== null, counts: group !== null });
});
