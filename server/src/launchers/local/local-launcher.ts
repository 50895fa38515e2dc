import { spawn, type ChildProcess } from 'node:child_process';
import { appendFile, cp, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Observation } from '@aglais/diagnosis';
import { executorLimitMiB, Shape, canResizeInPlace, type ClusterOption } from '@aglais/protocol';
import { exists, replaceFile, writeOnce } from '../../store/files.js';
import type {
  ClusterSpec,
  EvidenceSink,
  Launcher,
  ObservedCluster,
  SharePath
} from '../launcher.js';
import { makeClusterGroup, processesIn, removeGroup } from './cgroups.js';
import type { Capacity } from '../capacity.js';
import { explainExit } from '../driver-exit-codes.js';
import { replayEvidence } from '../../evidence/follow-files.js';
import { logTail, readText, shareProblem } from '../cluster-directory.js';
import { machineCapacity } from './machine-capacity.js';
import { applicationId, argumentFile } from '../spark-driver.js';
import { driverCommand, type SparkInstallation } from './driver-command.js';
import { followEvidence } from './local-evidence.js';
import { LIMIT_FILE, moveLimits, writeLimit } from './executor-limits.js';
import { ShareProbes } from './share-probes.js';
import {
  descendants,
  findProcess,
  parseProcessName,
  readProcesses,
  signal,
  type ProcessName
} from './process-table.js';

const STOP_GRACE_MS = 8_000;
const KILL_GRACE_MS = 5_000;
const POLL_MS = 50;
/** Between making `driver.lock` and writing into it, the script needs far less. */
const LOCK_MS = 1_000;

export interface LocalLauncherOptions {
  /** One directory for each cluster is made in it. */
  directory: string;
  installation: SparkInstallation;
  /** The installation's cgroup, or null where the machine does not allow them. */
  cgroup: string | null;
  memoryMiB: number;
  /** Spark properties that win over ours. */
  properties?: Readonly<Record<string, string>>;
}

/**
 * Clusters as processes of this machine. A cluster is a directory: whatever is known of it can be read from there, so
 * that a server that was killed finds everything again.
 */
export class LocalLauncher implements Launcher {
  readonly kind = 'local';
  readonly capabilities = {
    resizeInPlace: { raiseMemory: true, lowerMemory: true, executors: false }
  };
  private readonly probes = new ShareProbes();

  constructor(private readonly options: LocalLauncherOptions) {}

  /** One machine is as it is. */
  offers(): readonly ClusterOption[] {
    return [];
  }

  capacity(): Promise<Capacity> {
    return Promise.resolve(machineCapacity(this.options.memoryMiB));
  }

  /** Clusters are processes of their own, and nothing is held open between calls. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  async start(spec: ClusterSpec): Promise<void> {
    const directory = this.directory(spec.id);
    if (await exists(join(directory, 'driver.lock'))) return;
    for (const name of ['scratch', 'tmp', 'eventlog', 'warehouse']) {
      await mkdir(join(directory, name), { recursive: true, mode: 0o700 });
    }
    const { installation, properties } = this.options;
    const cgroup = this.options.cgroup && (await makeClusterGroup(this.options.cgroup, spec.id));
    if (cgroup) await replaceFile(join(directory, 'cgroup'), cgroup);
    const jars = await readdir(join(installation.home, 'jars'));
    const command = driverCommand(spec, directory, installation, cgroup, jars, properties);
    // Whole at every moment: the script of an earlier, interrupted call may just be reading them.
    await replaceFile(
      join(directory, 'catalogue.sql'),
      spec.catalogue.map(sql => `${sql}\n`).join('')
    );
    await replaceFile(join(directory, 'shape'), JSON.stringify(spec.shape));
    await replaceFile(join(directory, 'shares'), JSON.stringify(spec.shares ?? []));
    await writeLimit(directory, executorLimitMiB(spec.shape));
    await replaceFile(join(directory, 'driver.args'), argumentFile(command.arguments));
    const script = join(installation.scripts, 'driver.sh');
    const child = spawn('/bin/sh', [script, directory, installation.java], {
      // A session of its own: it outlives this server, and no Ctrl-C in a terminal reaches it.
      detached: true,
      stdio: 'ignore',
      env: { ...process.env, ...command.environment }
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    await this.begun(directory, child);
  }

  async stop(id: string): Promise<void> {
    const directory = this.directory(id);
    if (!(await exists(directory))) return;
    // Whoever comes to start it later finds the lock taken.
    const neverStarted = await writeOnce(join(directory, 'driver.lock'), 'stopped\n');
    if (!neverStarted) await this.endProcesses(directory);
    await this.endLeftovers(id, directory);
    await this.tidy(id, directory);
  }

  async forget(id: string): Promise<void> {
    await rm(this.directory(id), { recursive: true, force: true });
  }

  async list(): Promise<string[]> {
    const entries = await readdir(this.options.directory, { withFileTypes: true }).catch(() => []);
    const clusters = entries
      .filter(entry => entry.isDirectory())
      .map(entry => this.observe(entry.name));
    return (await Promise.all(clusters)).flatMap(cluster => cluster?.id ?? []);
  }

  async observe(id: string): Promise<ObservedCluster | null> {
    const directory = this.directory(id);
    // Only evidence is left of a cluster that was stopped.
    if (await exists(join(directory, 'stopped'))) return null;
    const lock = await this.lock(directory);
    if (lock === null) return null;
    const base = {
      id,
      url: null,
      ca: null,
      waitingFor: null,
      advice: null,
      exit: null,
      shareProblems: []
    };
    const driver = await readName(join(directory, 'driver.pid'));
    const shell = parseProcessName(lock);
    const alive =
      (driver !== null && (await findProcess(driver)) !== null) ||
      (shell !== null && (await findProcess(shell)) !== null);
    if (!alive) {
      const code = await readText(join(directory, 'driver.exit'));
      const words = await logTail(join(directory, 'driver.log'));
      return {
        ...base,
        state: 'exited',
        exit: explainExit(code === null ? null : Number(code), words)
      };
    }
    const [port, ...problems] =
      (await readText(join(directory, 'ready')))?.trim().split('\n') ?? [];
    if (port) {
      const shareProblems = problems.map(shareProblem);
      return { ...base, state: 'ready', url: `sc://localhost:${port}`, shareProblems };
    }
    const booted = await exists(join(directory, 'live.jsonl'));
    return {
      ...base,
      state: 'starting',
      waitingFor: booted ? 'the tables of the shares' : 'the driver'
    };
  }

  async follow(id: string, sink: EvidenceSink, abort: AbortSignal): Promise<void> {
    const directory = this.directory(id);
    await followEvidence(
      {
        directory,
        driver: () => readName(join(directory, 'driver.pid')),
        cgroup: () => this.cgroupOf(directory),
        shares: () => readShares(directory),
        probes: this.probes,
        record: observation => this.record(id, observation)
      },
      sink,
      abort
    );
  }

  async replay(id: string, sink: EvidenceSink): Promise<void> {
    await replayEvidence(this.directory(id), sink, found => this.record(id, found));
  }

  async record(id: string, observation: Observation): Promise<void> {
    const directory = this.directory(id);
    // A kernel may report before the cluster that it asked for has begun.
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await appendFile(join(directory, 'evidence.jsonl'), `${JSON.stringify(observation)}\n`, {
      mode: 0o600
    });
  }

  async resize(id: string, shape: Shape): Promise<'live' | 'restart-needed'> {
    const directory = this.directory(id);
    const started = Shape.parse(JSON.parse(await readFile(join(directory, 'shape'), 'utf8')));
    if (!canResizeInPlace(started, shape, this.capabilities.resizeInPlace)) return 'restart-needed';
    await moveLimits(directory, await this.cgroupOf(directory), shape);
    return 'live';
  }

  private directory(id: string): string {
    return join(this.options.directory, id);
  }

  /** Until the script runs the driver, or has left that to another: from then on everybody sees the cluster. */
  private async begun(directory: string, script: ChildProcess): Promise<void> {
    while (script.exitCode === null && script.signalCode === null) {
      const owner = parseProcessName((await this.lock(directory)) ?? '');
      if (owner?.pid === script.pid) return;
      await sleep(POLL_MS / 5);
    }
  }

  /** Who runs the driver, or "stopped"; null if it was never begun. */
  private async lock(directory: string): Promise<string | null> {
    for (let waited = 0; ; waited += POLL_MS) {
      const text = await readText(join(directory, 'driver.lock'));
      if (text !== '' || waited >= LOCK_MS) return text;
      await sleep(POLL_MS);
    }
  }

  private async cgroupOf(directory: string): Promise<string | null> {
    return readFile(join(directory, 'cgroup'), 'utf8').catch(() => null);
  }

  /** Asks the driver to end, which takes its executors with it; insists if it does not. */
  private async endProcesses(directory: string): Promise<void> {
    const shell = parseProcessName((await this.lock(directory)) ?? '');
    const driver = await this.driverOf(directory, shell);
    if (!driver) return;
    const family = descendants(await readProcesses(), driver.pid);
    if (await signal(driver, 'SIGTERM')) {
      if (!(await this.gone([driver], STOP_GRACE_MS))) await signal(driver, 'SIGKILL');
    }
    if (!(await this.gone(family, KILL_GRACE_MS))) {
      await Promise.all(family.map(process => signal(process, 'SIGKILL')));
    }
    await this.gone([...family, ...(shell ? [shell] : [])], KILL_GRACE_MS);
  }

  /** The driver's process; the script may be just about to write it down. */
  private async driverOf(
    directory: string,
    shell: ProcessName | null
  ): Promise<ProcessName | null> {
    for (;;) {
      const driver = await readName(join(directory, 'driver.pid'));
      if (driver || !shell || !(await findProcess(shell))) return driver;
      await sleep(POLL_MS);
    }
  }

  /** Processes that were in the cluster's cgroup but had left the driver's family. */
  private async endLeftovers(id: string, directory: string): Promise<void> {
    // An earlier stop may have removed the note of a group that a start was just making.
    const own = this.options.cgroup && join(this.options.cgroup, id);
    const cgroup = (await this.cgroupOf(directory)) ?? own;
    if (!cgroup) return;
    const deadline = Date.now() + KILL_GRACE_MS;
    while (!(await removeGroup(cgroup)) && Date.now() < deadline) {
      for (const pid of await processesIn(cgroup)) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It has just ended by itself.
        }
      }
      await sleep(POLL_MS);
    }
  }

  private async gone(names: readonly ProcessName[], withinMs: number): Promise<boolean> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const left = await Promise.all(names.map(findProcess));
      if (left.every(process => process === null)) return true;
      if (Date.now() > deadline) return false;
      await sleep(POLL_MS);
    }
  }

  /** Keeps the evidence and the executors' logs, removes the rest. */
  private async tidy(id: string, directory: string): Promise<void> {
    const work = join(this.options.installation.home, 'work', applicationId(id));
    for (const executor of await readdir(work).catch(() => [])) {
      const to = join(directory, 'executors', executor);
      await cp(join(work, executor, 'stderr'), `${to}.stderr.log`).catch(() => undefined);
      await cp(join(work, executor, 'stdout'), `${to}.stdout.log`).catch(() => undefined);
    }
    const rubbish = [
      'scratch',
      'tmp',
      'warehouse',
      'driver.args',
      'catalogue.sql',
      'ready',
      'cgroup',
      LIMIT_FILE,
      'shape',
      'shares'
    ];
    await Promise.all(
      [work, ...rubbish.map(name => join(directory, name))].map(path =>
        rm(path, { recursive: true, force: true })
      )
    );
    await writeOnce(join(directory, 'stopped'), `${new Date().toISOString()}\n`);
  }
}

async function readName(path: string): Promise<ProcessName | null> {
  return parseProcessName((await readText(path)) ?? '');
}

async function readShares(directory: string): Promise<SharePath[]> {
  return JSON.parse((await readText(join(directory, 'shares'))) ?? '[]') as SharePath[];
}
