import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { PATIENCE_MS, python, type TestServer } from './server.js';

const checkout = resolve(import.meta.dirname, '../../..');

/** The result of one run of a cell. */
export interface CellOutcome {
  status: 'ok' | 'error';
  /** Its printed output. */
  text: string;
  /** The value of its last expression. */
  result: string;
  /** The plain text of its final displays, including those of Aglais. */
  shown: string[];
  /** The traceback. */
  error: string;
  seconds: number;
}

/** A real kernel with Aglais, used as JupyterLab uses one. */
export interface Notebook {
  kernel: string;
  /** Runs a cell, one at a time. */
  run(id: string, code: string): Promise<CellOutcome>;
  close(): Promise<void>;
}

/** Starts the kernel of a notebook that belongs to the server. */
export async function openNotebook(server: TestServer): Promise<Notebook> {
  const jupyter = join(checkout, 'interpreters', 'jupyter');
  const child = spawn(python, [join(import.meta.dirname, 'notebook.py')], {
    env: {
      ...process.env,
      PYTHONPATH: join(jupyter, 'tests'),
      AGLAIS_URL: server.user.url,
      AGLAIS_TOKEN_FILE: join(server.directory, 'state', 'token')
    },
    stdio: ['pipe', 'pipe', 'pipe']
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`The kernel ended: ${complaint.slice(-2_000)}`);
    return JSON.parse(value) as unknown;
  };
  const kernel = (await answer()) as string;
  return {
    kernel,
    async run(id, code) {
      child.stdin.write(`${JSON.stringify({ id, code, seconds: (2 * PATIENCE_MS) / 1_000 })}\n`);
      return (await answer()) as CellOutcome;
    },
    async close() {
      const over = once(child, 'close');
      child.stdin.end();
      await over;
    }
  };
}
