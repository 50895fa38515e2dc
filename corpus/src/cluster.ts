import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  diagnoseFiles,
  Diagnosis,
  observeEventLine,
  observeEvidenceLine,
  type Observation
} from '@aglais/diagnosis';
import { DEFAULT_SHAPE, type Finding, type Shape } from '@aglais/protocol';
import type { SparkInstallation } from '@aglais/server/launchers/local/driver-command';
import { LocalLauncher } from '@aglais/server/launchers/local/local-launcher';
import { parseProcessName } from '@aglais/server/launchers/local/process-table';
import type { Case } from './case.js';

const START_MS = 120_000;
const POLL_MS = 50;
/** Written evidence must be read within this time. */
const READ_MS = 10_000;
const run = promisify(execFile);

export interface CorpusEnvironment {
  installation: SparkInstallation;
  /** The installation's memory cgroup, or null. */
  cgroup: string | null;
  /** Directory of the clusters and their cells. */
  directory: string;
}

/** The findings of the three diagnoses of the same evidence. */
export interface Conclusions {
  /** Live, before the cluster was stopped. */
  beforeStop: Finding[];
  live: Finding[];
  /** From the files that the cluster left. */
  offline: Finding[];
  /** From Spark's own event log instead of the live events. */
  eventLog: Finding[];
  /** Lines that the live diagnosis could not read; there must be none. */
  unread: string[];
}

/** A cluster of the product with a diagnosis that follows it. */
export class CorpusCluster {
  readonly diagnosis = new Diagnosis();
  readonly token = 'corpus';
  readonly shape: Shape;
  private readonly launcher: LocalLauncher;
  private readonly abort = new AbortController();
  private readonly read = { 'live.jsonl': 0, 'evidence.jsonl': 0 };
  private following: Promise<void> = Promise.resolve();
  private mounted = false;

  constructor(
    private readonly environment: CorpusEnvironment,
    readonly id: string,
    private readonly settings: Pick<Case, 'properties' | 'shape' | 'scratchMiB'>
  ) {
    this.shape = { ...DEFAULT_SHAPE, ...settings.shape };
    const { installation, cgroup, directory } = environment;
    this.launcher = new LocalLauncher({
      directory: join(directory, 'clusters'),
      installation,
      cgroup,
      memoryMiB: Number.POSITIVE_INFINITY,
      properties: {
        ...(settings.scratchMiB && { 'spark.local.dir': this.scratch }),
        ...settings.properties
      }
    });
  }

  get directory(): string {
    return join(this.environment.directory, 'clusters', this.id);
  }

  get scratch(): string {
    return this.settings.scratchMiB
      ? join(this.environment.directory, `${this.id}-disk`)
      : join(this.directory, 'scratch');
  }

  get cgroup(): string | null {
    return this.environment.cgroup && join(this.environment.cgroup, this.id);
  }

  /** Starts the cluster; resolves to the address for clients. @throws if it does not become ready */
  async start(): Promise<string> {
    if (this.settings.scratchMiB) {
      await mkdir(this.scratch);
      await run('mount', [
        '-t',
        'tmpfs',
        '-o',
        `size=${this.settings.scratchMiB}m`,
        'tmpfs',
        this.scratch
      ]);
      this.mounted = true;
    }
    const { id, shape, token } = this;
    await this.launcher.start({ id, shape, token, catalogue: [] });
    this.following = this.launcher.follow(id, this, this.abort.signal);
    const deadline = Date.now() + START_MS;
    for (;;) {
      const seen = await this.launcher.observe(id);
      if (seen?.state === 'ready') return `${seen.url}/;token=${token}`;
      if (seen?.state === 'exited' || Date.now() > deadline) {
        throw new Error(`${id} did not start: ${seen?.exit ?? 'timeout'}`);
      }
      await sleep(POLL_MS);
    }
  }

  async driver(): Promise<number> {
    const name = parseProcessName(await readFile(join(this.directory, 'driver.pid'), 'utf8'));
    return name!.pid;
  }

  async record(observation: Observation): Promise<void> {
    await this.launcher.record(this.id, observation);
  }

  eventLine(text: string, ref: string): void {
    this.read['live.jsonl'] += 1;
    observeEventLine(this.diagnosis, text, ref);
  }

  evidenceLine(text: string, ref: string): void {
    this.read['evidence.jsonl'] += 1;
    observeEvidenceLine(this.diagnosis, text, ref);
  }

  observe(observation: Observation): void {
    this.diagnosis.observe(observation);
  }

  /** Stops the cluster, reads the remaining evidence and runs all three diagnoses. */
  async conclude(): Promise<Conclusions> {
    const beforeStop = this.diagnosis.findings();
    await this.launcher.stop(this.id);
    await this.readToTheEnd();
    await this.endFollowing();
    this.diagnosis.close();
    const file = (name: string) => join(this.directory, name);
    const logs = await readdir(file('eventlog'));
    const evidence = [file('evidence.jsonl')];
    const offline = await diagnoseFiles({ eventLogs: [file('live.jsonl')], evidence });
    const eventLog = await diagnoseFiles({
      eventLogs: logs.map(name => join(file('eventlog'), name)),
      evidence
    });
    return {
      beforeStop,
      live: this.diagnosis.findings(),
      offline: offline.findings(),
      eventLog: eventLog.findings(),
      unread: this.diagnosis.problems.first.map(
        ({ file, line, message }) => `${file}:${line}: ${message}`
      )
    };
  }

  /** Removes the cluster. Idempotent. */
  async close(): Promise<void> {
    await this.launcher.stop(this.id);
    await this.endFollowing();
    if (this.mounted) await run('umount', ['-l', this.scratch]);
    this.mounted = false;
  }

  private async endFollowing(): Promise<void> {
    this.abort.abort();
    await this.following;
  }

  private async readToTheEnd(): Promise<void> {
    const deadline = Date.now() + READ_MS;
    for (const name of ['live.jsonl', 'evidence.jsonl'] as const) {
      const text = await readFile(join(this.directory, name), 'utf8').catch(() => '');
      const lines = text.split('\n').length - 1;
      while (this.read[name] < lines) {
        if (Date.now() > deadline)
          throw new Error(`${this.read[name]} of ${lines} lines of ${name} were read`);
        await sleep(POLL_MS);
      }
    }
  }
}
