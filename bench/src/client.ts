import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { checkout, python } from './installation.js';

interface Task {
  url: string;
  rows: number;
  busySeconds?: number;
  /** Of the cluster's CA, PEM; null or missing: no TLS. */
  ca?: string | null;
}

/** Number of characters of its stderr that are kept. */
const STDERR = 4_000;

/** A Python process with PySpark imported, as a kernel has it when the first cell runs. */
export class Client {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private stderr = '';

  private constructor() {
    this.child = spawn(python, [join(checkout, 'bench', 'src', 'client.py')], {
      stdio: ['pipe', 'pipe', 'pipe']
    });
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = `${this.stderr}${text}`.slice(-STDERR);
    });
    const reader: Interface = createInterface({ input: this.child.stdout! });
    this.lines = reader[Symbol.asyncIterator]();
  }

  static async open(): Promise<Client> {
    const client = new Client();
    await client.lines.next();
    return client;
  }

  /** Runs a query; resolves to the time of its first result, ms since the epoch, and the number of queries run while busy. */
  async run(task: Task): Promise<{ firstResultAt: number; queries: number }> {
    this.child.stdin!.write(`${JSON.stringify(task)}\n`);
    const first = (await this.answer()) as { firstResultAt: number };
    const busy = (await this.answer()) as { queries: number };
    return { ...first, ...busy };
  }

  private async answer(): Promise<unknown> {
    const line = await this.lines.next();
    if (line.done) throw new Error(`The benchmark's client ended: ${this.stderr}`);
    return JSON.parse(line.value);
  }

  close(): void {
    this.child.kill('SIGKILL');
  }
}
