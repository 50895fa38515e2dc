import { parentPort } from 'node:worker_threads';
import { diagnoseLog } from './application-report.js';
import type { WorkerJob, WorkerMessage } from './workers.js';

/** Entry point of a worker thread, which diagnoses one log at a time: see `workers.ts`. */
const PROGRESS_INTERVAL_MS = 100;

const send = (message: WorkerMessage): void => parentPort!.postMessage(message);

parentPort!.on('message', ({ source, evidence }: WorkerJob) => {
  let sentAt = 0;
  const onProgress = (bytes: number): void => {
    if (Date.now() - sentAt < PROGRESS_INTERVAL_MS) return;
    sentAt = Date.now();
    send({ bytes });
  };
  // An exception is rethrown in the thread that started this one.
  void diagnoseLog(source, evidence, { onProgress }).then(diagnosed => send({ diagnosed }));
});
