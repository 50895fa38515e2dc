import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { constants, gunzipSync, zstdCompressSync } from 'node:zlib';
import { checkout } from '../installation.js';
import { LineTemplate, TASKS_PER_STAGE, type Moment } from './line-template.js';

/** The log of a real query, from the reader's tests. */
const TEMPLATE = join(checkout, 'diagnosis', 'test', 'logs', 'app.gz');
const SLOTS = 16;
const STAGES = 2;

/**
 * Writes a log of about `bytes` bytes: the query of the template repeatedly, with changed ids, times and metrics and
 * five hundred tasks per stage on sixteen slots, as in a long application in which tasks dominate. The output is
 * deterministic.
 * @param zstd compressed as Spark does, one frame per flush (here: per job)
 * @returns the size of the JSON
 */
export function generateLog(
  path: string,
  bytes: number,
  application: string,
  zstd = false
): number {
  const { head, query, end } = readTemplate();
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'w');
  let written = 0;
  const write = (lines: string[]): void => {
    const text = Buffer.from(`${lines.join('\n')}\n`);
    written += text.length;
    const level = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
    writeSync(file, zstd ? zstdCompressSync(text, level) : text);
  };
  write(head.map(line => line.replace(/"App ID":"[^"]*"/, `"App ID":"${application}"`)));
  const queries = new Queries(query);
  while (written < bytes) write(queries.next());
  write(end);
  closeSync(file);
  return written;
}

const nameOf = (line: string): string => /^\{"Event":"([\w.]+)"/.exec(line)?.[1] ?? '';

function readTemplate(): { head: string[]; query: string[]; end: string[] } {
  const lines = gunzipSync(readFileSync(TEMPLATE)).toString('utf8').trim().split('\n');
  const isHead = (line: string): boolean =>
    /LogStart|ResourceProfile|ApplicationStart|ExecutorAdded|BlockManagerAdded/.test(nameOf(line));
  const isEnd = (line: string): boolean => nameOf(line) === 'SparkListenerApplicationEnd';
  return {
    head: lines.filter(isHead),
    query: lines.filter(line => !isHead(line) && !isEnd(line)),
    end: lines.filter(isEnd)
  };
}

/** One query repeatedly, each time with other ids and times. */
class Queries {
  /** In the order of the query; the tasks of a stage are where its first task started. */
  readonly #parts: (LineTemplate | { start: LineTemplate; end: LineTemplate })[] = [];
  readonly #moment: Moment = {
    round: 0,
    stages: STAGES,
    clock: 0,
    task: { id: 0, index: 0, from: 0 }
  };
  #task = 0;

  constructor(lines: string[]) {
    const ends = lines.filter(line => nameOf(line) === 'SparkListenerTaskEnd');
    const stageOf = (line: string): string => /"Stage ID":(\d+)/.exec(line)?.[1] ?? '';
    const begun = new Set<string>();
    for (const line of lines) {
      if (nameOf(line) === 'SparkListenerTaskEnd') continue;
      if (nameOf(line) !== 'SparkListenerTaskStart') {
        this.#parts.push(new LineTemplate(line));
      } else if (!begun.has(stageOf(line))) {
        begun.add(stageOf(line));
        const end = ends.find(other => stageOf(other) === stageOf(line))!;
        this.#parts.push({ start: new LineTemplate(line), end: new LineTemplate(end) });
      }
    }
  }

  next(): string[] {
    const out: string[] = [];
    for (const part of this.#parts) {
      if (part instanceof LineTemplate) out.push(part.at(this.#moment));
      else this.#tasks(part, out);
    }
    this.#moment.round += 1;
    this.#moment.clock += 1000;
    return out;
  }

  /** All tasks of a stage; as many run at the same time as there are slots. */
  #tasks({ start, end }: { start: LineTemplate; end: LineTemplate }, out: string[]): void {
    const moment = this.#moment;
    const running: Moment['task'][] = [];
    for (let index = 0; index < TASKS_PER_STAGE || running.length > 0; index += 1) {
      if (running.length === SLOTS || index >= TASKS_PER_STAGE) {
        moment.task = running.shift()!;
        moment.clock += 10 + (moment.task.id % 20);
        out.push(end.at(moment));
      }
      if (index >= TASKS_PER_STAGE) continue;
      moment.task = { id: this.#task, index, from: moment.clock };
      this.#task += 1;
      running.push(moment.task);
      out.push(start.at(moment));
    }
  }
}
