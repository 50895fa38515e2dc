import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const CORPUS = join(import.meta.dirname, '../../../diagnosis/test/corpus/kubernetes');

/** What a real driver wrote while executors were lost: applications, jobs, stages, tasks, heartbeats with memory. */
export class Recording {
  private readonly lines: string[];

  constructor(name = 'executors-lost') {
    const text = gunzipSync(readFileSync(join(CORPUS, name, 'live.jsonl.gz'))).toString('utf8');
    this.lines = text.trim().split('\n');
  }

  /** Until its first job. */
  start(application: string): string {
    return this.between(0, this.first('JobStart'), application);
  }

  /** Jobs, stages, tasks and heartbeats, until the first executor is lost. */
  work(application: string): string {
    return this.between(this.first('JobStart'), this.first('ExecutorRemoved'), application);
  }

  /** Executors are lost, which is a finding. */
  losses(application: string): string {
    return this.between(this.first('ExecutorRemoved'), this.lines.length, application);
  }

  private first(event: string): number {
    return this.lines.findIndex(line => line.startsWith(`{"Event":"SparkListener${event}"`));
  }

  private between(from: number, to: number, application: string): string {
    const named = this.lines
      .slice(from, to)
      .map(line => line.replace(/"App ID":"[^"]*"/, `"App ID":"${application}"`));
    return `${named.join('\n')}\n`;
  }
}
