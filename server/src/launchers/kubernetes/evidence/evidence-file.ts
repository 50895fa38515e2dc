import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readObservation, type Observation } from '@aglais/diagnosis';

/** Everything that is known of a cluster and is not in Spark's files, in the order in which it was recorded. */
export interface EvidenceRecord {
  /** The recorded observations; corrupt ones are skipped. */
  read(): Promise<Observation[]>;
  /** Resolves when it is durable. */
  append(observation: Observation): Promise<void>;
  /** Number of bytes in `evidence.jsonl` of the cluster's directory, including everything passed on so far. */
  size(): Promise<number>;
  /** Resolves when everything passed on so far was attempted. */
  idle(): Promise<void>;
}

/** The record of a single server: one observation per line. */
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
      // A server that was killed, or a full disk, may have left an incomplete line.
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
