import { spawn } from 'node:child_process';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Diagnosis } from '@aglais/diagnosis';
import type { Progress } from '@aglais/protocol';
import { byExecutor } from '@aglais/server/launchers/local/memory-sampler';
import {
  descendants,
  readProcesses,
  type Process
} from '@aglais/server/launchers/local/process-table';
import { cellId, type Case } from './case.js';

const PATIENCE_MS = 90_000;
const POLL_MS = 50;

export interface CasePlace {
  /** Process id of the cluster's driver. */
  driver: number;
  /** The cluster's memory cgroup, or null. */
  cgroup: string | null;
  /** Where executors keep shuffle files and spilled data. */
  scratch: string;
  /** Where the cells of this case may write. */
  directory: string;
}

/** Fault injection and waiting while a case runs on Spark. */
export class RunningCase {
  constructor(
    private readonly one: Case,
    readonly diagnosis: Diagnosis,
    readonly place: CasePlace,
    private readonly stopCell: (cell: string) => void
  ) {}

  progress(cell: string): Progress {
    return this.diagnosis.progress(cellId(this.one.name, cell), 1);
  }

  /** Waits until a condition holds. @throws after 90 s */
  async until<T>(what: string, look: () => T | Promise<T>): Promise<NonNullable<T>> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const seen = await look();
      if (seen) return seen;
      if (Date.now() > deadline) throw new Error(`${this.one.name}: timed out waiting for ${what}`);
      await sleep(POLL_MS);
    }
  }

  /** Waits until that many tasks of a cell have succeeded and at least one is running. */
  async tasksRunning(cell: string, done = 0): Promise<void> {
    await this.until(`${done} tasks of ${cell} to be done`, () => {
      const { tasks } = this.progress(cell);
      return tasks.done >= done && tasks.running > 0;
    });
  }

  /** Waits until that many executors are active. */
  async executors(count: number): Promise<string[]> {
    return this.until(`${count} executors`, () => {
      const active = this.diagnosis.executors().filter(({ state }) => state === 'active');
      return active.length >= count ? active.map(({ id }) => id) : null;
    });
  }

  /** An executor with a running task. */
  async busyExecutor(): Promise<string> {
    const busy = await this.until('a busy executor', () =>
      this.diagnosis
        .executors()
        .find(({ state, runningTasks }) => state === 'active' && runningTasks > 0)
    );
    return busy.id;
  }

  /** An executor that has finished tasks, so it holds shuffle output. */
  async usedExecutor(): Promise<string> {
    const used = await this.until('an executor with finished tasks', () =>
      this.diagnosis.executors().find(({ state, doneTasks }) => state === 'active' && doneTasks > 0)
    );
    return used.id;
  }

  async signalExecutor(id: string, kind: NodeJS.Signals): Promise<void> {
    process.kill((await this.processesOf(id))[0]!.pid, kind);
  }

  /** Sends a signal to the Python workers of an executor, not to their daemon. */
  async signalPythonWorkers(id: string, kind: NodeJS.Signals): Promise<void> {
    const workers = await this.until('Python workers', async () => {
      const python = (await this.processesOf(id)).filter(({ command }) => /pyspark/.test(command));
      const found = python.filter(({ parent }) => python.some(({ pid }) => pid === parent));
      return found.length > 0 ? found : null;
    });
    for (const { pid } of workers) process.kill(pid, kind);
  }

  signalDriver(kind: NodeJS.Signals): void {
    process.kill(this.place.driver, kind);
  }

  interrupt(cell: string): void {
    this.stopCell(cell);
  }

  /** Deletes the shuffle files that executors have written so far. */
  async removeShuffleFiles(): Promise<number> {
    const files = await readdir(this.place.scratch, { recursive: true });
    const shuffle = files.filter(name => /shuffle_[^/]*\.(data|index)$/.test(name));
    for (const name of shuffle) await rm(join(this.place.scratch, name));
    return shuffle.length;
  }

  /**
   * Another process allocates memory in an executor's cgroup until Linux kills a process there: the executor, which gets
   * the highest OOM score.
   */
  async exhaustMemoryOf(id: string): Promise<void> {
    const group = join(this.place.cgroup!, `executor-${id}`);
    const program = [
      'import sys, time',
      'sys.stdin.readline()',
      'hold = []',
      'while True:',
      '    hold.append(bytearray(b"x") * (8 << 20))',
      '    time.sleep(0.01)'
    ].join('\n');
    const hog = spawn('python3', ['-c', program], { stdio: ['pipe', 'ignore', 'ignore'] });
    const ended = new Promise(resolve => hog.once('close', resolve));
    const victim = (await this.processesOf(id))[0]!.pid;
    try {
      await writeFile(`/proc/${victim}/oom_score_adj`, '1000');
      await writeFile(join(group, 'cgroup.procs'), String(hog.pid));
      hog.stdin.write('begin\n');
      await this.until('the OOM kill of the executor', async () =>
        (await readProcesses()).every(({ pid }) => pid !== victim)
      );
    } finally {
      hog.kill('SIGKILL');
      await ended;
    }
  }

  private async processesOf(id: string): Promise<Process[]> {
    return this.until(`the process of executor ${id}`, async () => {
      const family = descendants(await readProcesses(), this.place.driver);
      return byExecutor(family).get(id);
    });
  }
}
