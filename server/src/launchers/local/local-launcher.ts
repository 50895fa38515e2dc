import { spawn, type ChildProcess } from 'node:child_process';
import { appendFile, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Observation } from '@aglais/diagnosis';
import { executorLimitMiB, Shape, canResizeInPlace, type ClusterOption } from '@aglais/protocol';
import { exists, replaceFile, writeOnce } from '../../store/files.js';
import {
  NOT_READY,
  type ClusterSpec,
  type EvidenceSink,
  type Launcher,
  type ObservedCluster
} from '../launcher.js';
import { makeClusterGroup } from './cgroups.js';
import { childEnvironment } from './child-environment.js';
import type { Capacity } from '../capacity.js';
import { explainExit } from '../driver-exit-codes.js';
import { maxFileBytes } from '@aglais/witness/evidence-limits';
import { replayEvidence } from '../../evidence/follow-files.js';
import { copyPlainFile } from '../../evidence/plain-file.js';
import { logTail, readText, shareProblem } from '../cluster-directory.js';
import { machineCapacity } from './machine-capacity.js';
import { applicationId, argumentFile } from '../spark-driver.js';
import { driverCommand, type SparkInstallation } from './driver-command.js';
import { endGroup, endProcesses } from './end-cluster.js';
import { followEvidence } from './local-evidence.js';
import { findArchives } from './spark-installation.js';
import { LIMIT_FILE, moveLimits, writeLimit } from './executor-limits.js';
import { LocalCluster } from './local-cluster.js';
import { ShareProbes } from './share-probes.js';

const POLL_MS = 10;
/** The script takes the lock in its first line, but a machine may be busy. */
const BEGIN_MS = 30_000;

export interface LocalLauncherOptions {
  /** It gets one directory per cluster. */
  directory: string;
  installation: SparkInstallation;
  /** The installation's cgroup, or null where the machine does not allow them. */
  cgroup: string | null;
  memoryMiB: number;
  /** Spark properties that override the default ones. */
  properties?: Readonly<Record<string, string>>;
  /** Names of environment variables that drivers get in addition to the usual ones. */
  environment?: readonly string[];
}

/**
 * Clusters as local processes. The state of a cluster is in its directory, so that a server that was killed finds
 * everything again.
 */
export class LocalLauncher implements Launcher {
  readonly kind = 'local';
  readonly capabilities = {
    resizeInPlace: { raiseMemory: true, lowerMemory: true, executors: false }
  };
  private readonly probes = new ShareProbes();
  private readonly clusters = new Map<string, LocalCluster>();
  private readonly watchers = new Set<(id: string) => void>();

  constructor(private readonly options: LocalLauncherOptions) {}

  /** Only the shape; no options. */
  offers(): readonly ClusterOption[] {
    return [];
  }

  capacity(): Promise<Capacity> {
    return Promise.resolve(machineCapacity(this.options.memoryMiB));
  }

  /** Clusters are independent processes, and nothing is held open between calls. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  async start(spec: ClusterSpec): Promise<void> {
    const directory = this.directory(spec.id);
    if (await exists(join(directory, 'driver.lock'))) return;
    for (const name of ['scratch', 'tmp', 'eventlog', 'warehouse']) {
      await mkdir(join(directory, name), { recursive: true, mode: 0o700 });
    }
    const { properties, environment } = this.options;
    const archives = await findArchives(this.options.installation.home);
    const installation = { ...this.options.installation, archives };
    const cgroup = this.options.cgroup && (await makeClusterGroup(this.options.cgroup, spec.id));
    if (cgroup) await replaceFile(join(directory, 'cgroup'), cgroup);
    const jars = await readdir(join(installation.home, 'jars'));
    const command = driverCommand(spec, directory, installation, cgroup, jars, properties);
    // Written atomically: the script of an earlier, interrupted call may be reading them.
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
      // A session of its own: it outlives this server, and Ctrl-C in a terminal does not reach it.
      detached: true,
      stdio: 'ignore',
      env: { ...childEnvironment(environment), ...command.environment }
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    await hasBegun(new LocalCluster(directory), child);
  }

  async stop(id: string): Promise<void> {
    const directory = this.directory(id);
    if (!(await exists(directory))) return;
    // A later start finds the lock taken.
    const neverStarted = await writeOnce(join(directory, 'driver.lock'), 'stopped\n');
    const cluster = new LocalCluster(directory);
    if (!neverStarted) await endProcesses(cluster);
    // An earlier stop may have removed the record of a cgroup that a start was just creating.
    const own = this.options.cgroup && join(this.options.cgroup, id);
    const cgroup = (await cluster.cgroup()) ?? own;
    if (cgroup) await endGroup(cgroup);
    await this.removeTemporary(id, directory);
  }

  async forget(id: string): Promise<void> {
    this.clusters.delete(id);
    await rm(this.directory(id), { recursive: true, force: true });
  }

  async list(): Promise<string[]> {
    const entries = await readdir(this.options.directory, { withFileTypes: true }).catch(() => []);
    const ids = entries.filter(entry => entry.isDirectory()).map(({ name }) => name);
    for (const id of this.clusters.keys()) if (!ids.includes(id)) this.clusters.delete(id);
    const clusters = ids.map(async id => {
      const cluster = this.cluster(id);
      const isThere = !(await cluster.isStopped()) && (await cluster.lock()) !== null;
      return isThere ? id : [];
    });
    return (await Promise.all(clusters)).flat();
  }

  async observe(id: string): Promise<ObservedCluster | null> {
    const cluster = this.cluster(id);
    const { directory } = cluster;
    if ((await cluster.isStopped()) || (await cluster.lock()) === null) return null;
    const base = { ...NOT_READY, id };
    if (!(await cluster.isAlive())) {
      const code = await readText(join(directory, 'driver.exit'));
      const log = await logTail(join(directory, 'driver.log'));
      return {
        ...base,
        state: 'exited',
        exit: explainExit(code === null ? null : Number(code), log)
      };
    }
    const [port, ...problems] = (await cluster.ready()) ?? [];
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

  /** Reports the end of drivers whose evidence is followed. */
  watch(onChange: (id: string) => void): () => void {
    this.watchers.add(onChange);
    return () => void this.watchers.delete(onChange);
  }

  async follow(id: string, sink: EvidenceSink, abort: AbortSignal): Promise<void> {
    const cluster = this.cluster(id);
    await followEvidence(
      {
        directory: cluster.directory,
        driver: () => cluster.driver(),
        cgroup: () => cluster.cgroup(),
        shares: () => cluster.shares(),
        probes: this.probes,
        record: observation => this.record(id, observation),
        onDriverEnded: () => this.watchers.forEach(onChange => onChange(id))
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
    // A kernel may report before its cluster has started.
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await appendFile(join(directory, 'evidence.jsonl'), `${JSON.stringify(observation)}\n`, {
      mode: 0o600
    });
  }

  async resize(id: string, shape: Shape): Promise<'live' | 'restart-needed'> {
    const { directory } = this.cluster(id);
    const started = Shape.parse(JSON.parse(await readFile(join(directory, 'shape'), 'utf8')));
    if (!canResizeInPlace(started, shape, this.capabilities.resizeInPlace)) return 'restart-needed';
    await moveLimits(directory, await this.cluster(id).cgroup(), shape);
    return 'live';
  }

  private directory(id: string): string {
    return join(this.options.directory, id);
  }

  private cluster(id: string): LocalCluster {
    const cluster = this.clusters.get(id) ?? new LocalCluster(this.directory(id));
    this.clusters.set(id, cluster);
    return cluster;
  }

  /** Keeps the evidence and the executors' logs, and removes the rest. */
  private async removeTemporary(id: string, directory: string): Promise<void> {
    const work = join(this.options.installation.home, 'work', applicationId(id));
    for (const executor of await readdir(work).catch(() => [])) {
      const to = join(directory, 'executors', executor);
      for (const output of ['stderr', 'stdout'])
        await copyPlainFile(
          join(work, executor, output),
          `${to}.${output}.log`,
          maxFileBytes('driver.log')
        ).catch(() => undefined);
    }
    const temporary = [
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
      [work, ...temporary.map(name => join(directory, name))].map(path =>
        rm(path, { recursive: true, force: true })
      )
    );
    await writeOnce(join(directory, 'stopped'), `${new Date().toISOString()}\n`);
  }
}

/**
 * Waits until the script runs the driver, or another script does: from then on the cluster is observable.
 * @throws if neither happens
 */
async function hasBegun(cluster: LocalCluster, script: ChildProcess): Promise<void> {
  const deadline = Date.now() + BEGIN_MS;
  while (script.exitCode === null && script.signalCode === null) {
    if ((await cluster.shell())?.pid === script.pid) return;
    if (Date.now() > deadline) {
      script.kill('SIGKILL');
      throw new Error(
        `the driver did not begin within ${BEGIN_MS / 1_000} s: ${join(cluster.directory, 'driver.lock')} was not written. ` +
          'Check that the disk of the state directory answers, and start Spark again.'
      );
    }
    await sleep(POLL_MS);
  }
}
