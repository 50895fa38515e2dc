import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Outcome } from '@aglais/diagnosis';
import { cellId, type Case, type Cell } from './case.js';

/** Start or end of a run of a cell, as a kernel reports it. */
export interface CellReport {
  cell: string;
  run: number;
  outcome: Outcome;
  at: number;
  error?: { name: string; message: string };
}

/** A Python process that runs cells as a kernel does. */
export class Client {
  private readonly child: ChildProcess;
  private readonly waiting = new Map<string, (report: CellReport) => void>();
  private readonly imported: Promise<void>;

  constructor(
    python: string,
    script: string,
    private readonly onReport: (report: CellReport) => void
  ) {
    this.child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'ignore'] });
    // A write to a process that has ended is reported by `close`.
    this.child.stdin!.on('error', () => undefined);
    this.child.once('close', () => this.endAll());
    this.imported = new Promise(resolve => {
      createInterface({ input: this.child.stdout! }).on('line', line => {
        const message = JSON.parse(line) as CellReport | { ready: true };
        if ('ready' in message) resolve();
        else this.reported(message);
      });
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Sets the address of the sessions; resolves once PySpark is imported, so that cells do not wait for it. */
  async connect(url: string): Promise<void> {
    await this.imported;
    this.send({ connect: url });
  }

  /** Runs a cell for the first time; resolves when it has ended. */
  run(one: Case, cell: Cell, directory: string): Promise<CellReport> {
    const id = cellId(one.name, cell.name);
    const ended = new Promise<CellReport>(resolve => this.waiting.set(id, resolve));
    this.send({ cell: id, run: 1, code: cell.code, case: one.name, directory });
    return ended;
  }

  interrupt(one: Case, cell: string): void {
    this.send({ interrupt: cellId(one.name, cell), case: one.name });
  }

  close(): void {
    this.child.kill('SIGKILL');
  }

  private reported(report: CellReport): void {
    this.onReport(report);
    if (report.outcome === 'running') return;
    this.waiting.get(report.cell)?.(report);
    this.waiting.delete(report.cell);
  }

  private endAll(): void {
    for (const cell of [...this.waiting.keys()]) {
      const error = { name: 'KernelDied', message: 'The process of the cells has ended.' };
      this.reported({ cell, run: 1, outcome: 'error', at: Date.now(), error });
    }
  }

  private send(message: unknown): void {
    this.child.stdin!.write(`${JSON.stringify(message)}\n`);
  }
}
