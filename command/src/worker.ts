import { parentPort } from 'node:worker_threads';
import { diagnoseLog } from './application-report.js';
import type { WorkerJob, WorkerMessage } from './workers.js';

/** A thread of its own for each log: see `workers.ts`. */
const SAY_EVERY_MS = 100;

const say = (message: WorkerMessage): void => parentPort!.postMessage(message);

parentPort!.on('message', ({ source, evidence }: WorkerJob) => {
  let said = 0;
  const onProgress = (bytes: number): void => {
    if (Date.now() - said < SAY_EVERY_MS) return;
    said = Date.now();
    say({ bytes });
  };
  // Whatever it throws is thrown in the thread that started this one.
  void diagnoseLog(source, evidence, { onProgress }).then(diagnosed => say({ diagnosed }));
});
