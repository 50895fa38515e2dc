import { parentPort, Worker, workerData } from 'node:worker_threads';
import { Diagnosis, findLogs, observeLog, readLog } from '@aglais/diagnosis';

/**
 * One measurement in a separate process: `node run.js MODE LOG…` prints its result as JSON. All modes read the file the
 * same way; `parse` is the baseline: only JSON.parse of every line.
 */
export type Mode = 'parse' | 'diagnose' | 'side-by-side';

export interface Result {
  ms: number;
  /** On all cores, including system time; without the start of the process. */
  cpuMs: number;
  /** Of the whole process, including worker threads; MiB. */
  peakMiB: number;
  /** Number of lines read, or of findings: shows that work was done. */
  result: number;
}

async function parse(path: string): Promise<number> {
  let lines = 0;
  for (const source of await findLogs([path])) {
    for await (const batch of readLog(source)) {
      for (const line of batch.lines) {
        JSON.parse(line.text);
        lines += 1;
      }
    }
  }
  return lines;
}

async function diagnose(path: string): Promise<number> {
  const diagnosis = new Diagnosis();
  for (const source of await findLogs([path])) await observeLog(diagnosis, source);
  if (diagnosis.problems.count > 0) throw new Error(diagnosis.problems.first[0]!.message);
  return diagnosis.findings().length;
}

/** Several logs in parallel, one thread each. */
async function sideBySide(paths: string[]): Promise<number> {
  const counts = paths.map(
    path =>
      new Promise<number>((resolve, reject) => {
        const worker = new Worker(new URL(import.meta.url), { workerData: { path } });
        worker.once('message', resolve);
        worker.once('error', reject);
      })
  );
  return (await Promise.all(counts)).reduce((a, b) => a + b, 0);
}

if (parentPort) {
  const { path } = workerData as { path: string };
  parentPort.postMessage(await diagnose(path));
} else {
  const [mode, ...paths] = process.argv.slice(2) as [Mode, ...string[]];
  const begun = performance.now();
  const before = process.cpuUsage();
  let result = 0;
  if (mode === 'side-by-side') result = await sideBySide(paths);
  else for (const path of paths) result += await (mode === 'parse' ? parse : diagnose)(path);
  const ms = performance.now() - begun;
  const { user, system } = process.cpuUsage(before);
  const peakMiB = process.resourceUsage().maxRSS / 1024;
  const measured: Result = { ms, cpuMs: (user + system) / 1000, peakMiB, result };
  console.log(JSON.stringify(measured));
}
