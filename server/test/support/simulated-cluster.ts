import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Observation } from '@aglais/diagnosis';
import type { EvidenceSource } from '../../src/launchers/local/local-evidence.js';
import { readStat, type ProcessName } from '../../src/launchers/local/process-table.js';
import { ShareProbes } from '../../src/launchers/local/share-probes.js';

const MIB = 2 ** 20;

/** A local cluster as seen from outside: real processes that do nothing, and files instead of cgroups. */
export interface SimulatedCluster {
  driver: ProcessName;
  /** Directory of its executors' cgroups. */
  cgroup: string;
  recorded: Observation[];
  source: EvidenceSource;
  /** Sets the kernel's counters of an executor. */
  count(executor: string, counters: { usedMiB?: number; oomKills?: number }): void;
  close(): void;
}

/** @param directory created for it; `share`: a directory that the cluster reads from */
export function simulateCluster(
  directory: string,
  share: string | null = null,
  executors: readonly string[] = ['0', '1']
): SimulatedCluster {
  const children: ChildProcess[] = [];
  const idleProcess = (): ProcessName => {
    const child = spawn('sleep', ['600'], { stdio: 'ignore' });
    children.push(child);
    return readStat(child.pid!)!;
  };
  const driver = idleProcess();
  const cgroup = join(directory, 'cgroup');
  const counts = new Map(
    executors.map(id => [id, { pid: idleProcess().pid, usedMiB: 100, oomKills: 0 }])
  );
  const write = (executor: string): void => {
    const { pid, usedMiB, oomKills } = counts.get(executor)!;
    const group = join(cgroup, `executor-${executor}`);
    mkdirSync(group, { recursive: true });
    const files = {
      'memory.oom_control': `oom_kill_disable 0\nunder_oom 0\noom_kill ${oomKills}\n`,
      'memory.limit_in_bytes': String(896 * MIB),
      'memory.usage_in_bytes': String(usedMiB * MIB),
      'memory.max_usage_in_bytes': String(usedMiB * MIB),
      'memory.stat': 'total_inactive_file 0\n',
      'cgroup.procs': `${pid}\n`
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(group, name), text);
  };
  executors.forEach(write);
  writeFileSync(
    join(directory, 'live.jsonl'),
    '{"Event":"SparkListenerLogStart","Spark Version":"4.3.0"}\n'
  );
  const recorded: Observation[] = [];
  return {
    driver,
    cgroup,
    recorded,
    source: {
      directory,
      driver: () => Promise.resolve(driver),
      cgroup: () => Promise.resolve(cgroup),
      shares: () => Promise.resolve(share === null ? [] : [{ id: 'gaia', path: share }]),
      probes: new ShareProbes(),
      record: observation => Promise.resolve(void recorded.push(observation)),
      onDriverEnded: () => undefined
    },
    count(executor, counters) {
      counts.set(executor, { ...counts.get(executor)!, ...counters });
      write(executor);
    },
    close: () => children.forEach(child => child.kill('SIGKILL'))
  };
}
