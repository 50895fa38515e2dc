import { mkdirSync, openSync, closeSync, readFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync, zstdCompressSync, constants } from 'node:zlib';
import { checkout } from '../installation.js';

/** A real query's log, as Spark wrote it, from the reader's tests. */
const TEMPLATE = join(checkout, 'diagnosis', 'test', 'logs', 'app.gz');
const TASKS_PER_STAGE = 500;
const SLOTS = 16;
const NAME = /^\{"Event":"([\w.]+)"/;

interface Json {
  [key: string]: Json;
}

/**
 * Writes a log of about `bytes` bytes: the query of the template again and again, with ids, times and figures
 * changed, and five hundred tasks in each stage on sixteen slots, as in a long application where tasks dominate.
 * The same bytes each time.
 * @param zstd compressed as Spark does, one frame per flush (here: per job).
 * @returns the size of the JSON.
 */
export function generateLog(
  path: string,
  bytes: number,
  application: string,
  zstd = false
): number {
  const template = readTemplate();
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'w');
  let written = 0;
  const write = (lines: string[]): void => {
    const text = Buffer.from(`${lines.join('\n')}\n`);
    written += text.length;
    const level = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
    writeSync(file, zstd ? zstdCompressSync(text, level) : text);
  };
  write(template.head.map(line => renamed(line, application)));
  const query = new Query(template.query);
  while (written < bytes) write(query.next());
  write(template.end);
  closeSync(file);
  return written;
}

function renamed(line: string, application: string): string {
  const event = JSON.parse(line) as Record<string, unknown>;
  if (event['App ID']) event['App ID'] = application;
  return JSON.stringify(event);
}

function readTemplate(): { head: string[]; query: string[]; end: string[] } {
  const lines = gunzipSync(readFileSync(TEMPLATE)).toString('utf8').trim().split('\n');
  const isHead = (line: string): boolean =>
    /LogStart|ResourceProfile|ApplicationStart|ExecutorAdded|BlockManagerAdded/.test(
      line.slice(0, 80)
    );
  const isEnd = (line: string): boolean => line.includes('"SparkListenerApplicationEnd"');
  const head = lines.filter(isHead);
  const query = lines.filter(line => !isHead(line) && !isEnd(line));
  return { head, query, end: lines.filter(isEnd) };
}

/** One query over and over, each time with ids and times of its own. */
class Query {
  readonly #lines: string[];
  readonly #stages: number;
  #round = 0;
  #task = 0;
  #clock = 0;
  #random = 1;

  constructor(lines: string[]) {
    this.#lines = lines;
    this.#stages = new Set(lines.map(line => /"Stage ID":(\d+)/.exec(line)?.[1])).size;
  }

  next(): string[] {
    const out: string[] = [];
    const written = new Set<string>();
    for (const line of this.#lines) {
      const name = NAME.exec(line)?.[1] ?? '';
      if (name === 'SparkListenerTaskStart') {
        const stage = /"Stage ID":(\d+)/.exec(line)![1]!;
        if (!written.has(stage)) this.#tasks(stage, out);
        written.add(stage);
      } else if (name !== 'SparkListenerTaskEnd') {
        out.push(JSON.stringify(this.#moved(JSON.parse(line) as Json, null)));
      }
    }
    this.#round += 1;
    this.#clock += 1000;
    return out;
  }

  /** All tasks of a stage; as many run at a time as there are slots. */
  #tasks(stage: string, out: string[]): void {
    const find = (name: string): string =>
      this.#lines.find(
        line => line.startsWith(`{"Event":"${name}"`) && line.includes(`"Stage ID":${stage},`)
      )!;
    const [start, end] = [find('SparkListenerTaskStart'), find('SparkListenerTaskEnd')];
    const running: { id: number; index: number; from: number }[] = [];
    for (let index = 0; index < TASKS_PER_STAGE || running.length > 0; index += 1) {
      if (running.length === SLOTS || index >= TASKS_PER_STAGE) {
        const task = running.shift()!;
        this.#clock += 10 + this.#noise(20);
        out.push(this.#taskEvent(end, task, this.#clock));
      }
      if (index >= TASKS_PER_STAGE) continue;
      const task = { id: this.#task, index, from: this.#clock };
      this.#task += 1;
      running.push(task);
      out.push(this.#taskEvent(start, task, 0));
    }
  }

  #taskEvent(
    line: string,
    task: { id: number; index: number; from: number },
    finish: number
  ): string {
    const event = this.#moved(JSON.parse(line) as Json, task.index) as unknown as {
      'Task Info': Record<string, unknown>;
    };
    Object.assign(event['Task Info'], {
      'Task ID': task.id,
      Index: task.index,
      'Partition ID': task.index,
      'Executor ID': String(task.id % 2),
      'Launch Time': START + task.from,
      'Finish Time': finish === 0 ? 0 : START + finish
    });
    return JSON.stringify(event);
  }

  /** A copy with the ids and times of this round, and figures that differ from task to task. */
  #moved(event: Json, task: number | null): Json {
    const stages = this.#round * this.#stages;
    return JSON.parse(JSON.stringify(event), (key, value: unknown) => {
      if (typeof value === 'number') {
        if (key === 'Stage ID') return value + stages;
        if (key === 'Job ID' || key === 'executionId') return value + this.#round;
        if (key === 'Number of Tasks' || key === 'Number of Partitions') return TASKS_PER_STAGE;
        if (value > START / 2) return START + this.#clock;
        if (task !== null && value > 1000) return value + this.#noise(value);
        return value;
      }
      if (key === 'Parent IDs' || key === 'Stage IDs') {
        return (value as number[]).map(id => id + (key === 'Stage IDs' ? stages : 0));
      }
      if (key === 'spark.sql.execution.id' || key === 'spark.sql.execution.root.id') {
        return String(Number(value) + this.#round);
      }
      if (
        task !== null &&
        (key === 'Update' || key === 'Value') &&
        /^\d{3,}$/.test(String(value))
      ) {
        return String(Number(value) + this.#noise(Number(value)));
      }
      return value;
    }) as Json;
  }

  /** The same sequence each time (Lehmer's generator). */
  #noise(most: number): number {
    this.#random = (this.#random * 48271) % 2147483647;
    return Math.floor((this.#random / 2147483647) * most);
  }
}

const START = 1_700_000_000_000;
