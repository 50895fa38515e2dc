import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readObservation, type Observation } from '@aglais/diagnosis';

/** Everything that is known of a cluster and that no file of Spark's holds, in the order in which it was put on record. */
export interface EvidenceRecord {
  /** What is on record; what is damaged is left out. */
  read(): Promise<Observation[]>;
  /** Resolves when it cannot be lost any more. */
  append(observation: Observation): Promise<void>;
  /** Bytes of everything that was handed over so far, in `evidence.jsonl` of the cluster's directory. */
  size(): Promise<number>;
  /** Resolves when everything that was handed over so far was tried. */
  idle(): Promise<void>;
}

/** The record of the only server that there is: one observation a line. */
export class EvidenceFile implements EvidenceRecord {
  private queue: Promise<unknown> = Promise.resolve();
  private isWhole = false;

  constructor(private readonly path: string) {}

  async read(): Promise<Observation[]> {
    const text = await readFile(this.path, 'utf8').catch(() => '');
    return text
      .split('\n')
      .map(line => readObservation(line))
      .filter(one => typeof one !== 'string');
  }

  /** Resolves when it is on the disk. One write at a time, in the order of the calls. */
  append(observation: Observation): Promise<void> {
    const written = this.queue.then(() => this.write(observation));
    this.queue = written.catch(() => undefined);
    return written;
  }

  async size(): Promise<number> {
    await this.queue;
    return (await stat(this.path).catch(() => null))?.size ?? 0;
  }

  async idle(): Promise<void> {
    await this.queue;
  }

  private async write(observation: Observation): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const file = await open(this.path, 'a+', 0o600);
    try {
      // A server that was killed, or a disk that was full, may have left half a line.
      const broken = !this.isWhole && !(await endsWithBreak(file));
      this.isWhole = false;
      await file.appendFile(`${broken ? '\n' : ''}${JSON.stringify(observation)}\n`);
      await file.datasync();
      this.isWhole = true;
    } finally {
      await file.close();
    }
  }
}

async function endsWithBreak(file: Awaited<ReturnType<typeof open>>): Promise<boolean> {
  const { size } = await file.stat();
  if (size === 0) return true;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] === 0x0a;
}
