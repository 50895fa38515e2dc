import { Worker } from 'node:worker_threads';
import type { LogSource } from '@aglais/diagnosis';
import type { Diagnosed } from './application-report.js';
import type { EvidenceFile } from './options.js';

/** Input of a worker. */
export interface WorkerJob {
  source: LogSource;
  evidence: EvidenceFile[];
}

/** Messages of a worker: its progress, and its result at the end. */
export type WorkerMessage = { bytes: number } | { diagnosed: Diagnosed };

/**
 * Threads that each diagnose one log at a time. A thread that crashes, for example out of memory, affects only
 * its log: the next job gets a new thread.
 */
export class Workers {
  readonly #idle = new Set<Worker>();
  readonly #all = new Set<Worker>();

  constructor(private readonly script: URL) {}

  run(job: WorkerJob, onProgress: (bytes: number) => void): Promise<Diagnosed> {
    const worker = [...this.#idle][0] ?? this.#start();
    this.#idle.delete(worker);
    return new Promise(resolve => {
      const failed = (why: string): void => {
        void worker.terminate();
        const path = job.source.paths[0] ?? job.source.name;
        done({ report: null, unread: [{ path, message: why }] });
      };
      const onMessage = (message: WorkerMessage): void => {
        if ('bytes' in message) onProgress(message.bytes);
        else {
          this.#idle.add(worker);
          done(message.diagnosed);
        }
      };
      const onError = (error: Error): void => failed(`diagnosis failed: ${error.message}`);
      const onExit = (): void => failed('diagnosis ended without a result');
      const done = (diagnosed: Diagnosed): void => {
        worker.off('message', onMessage).off('error', onError).off('exit', onExit);
        resolve(diagnosed);
      };
      worker.on('message', onMessage).on('error', onError).on('exit', onExit);
      worker.postMessage(job);
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map(worker => worker.terminate()));
  }

  #start(): Worker {
    const worker = new Worker(this.script);
    this.#all.add(worker);
    // Also while idle: an unhandled error would end the process.
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      this.#all.delete(worker);
      this.#idle.delete(worker);
    });
    return worker;
  }
}
