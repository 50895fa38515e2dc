import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { java, sparkHome } from '../installation.js';

export interface HistoryServerResult {
  /** From the start of the process to the response with the application's jobs. */
  totalMs: number;
  /** Of this, the time until the first response. */
  startMs: number;
  /** Null where there is no /proc. */
  peakMiB: number | null;
}

const HEAP = '6g';
const TIMEOUT_MS = 10 * 60_000;

/** How long Spark's History Server takes for the log in this directory, until it lists the jobs. */
export async function measureHistoryServer(
  folder: string,
  application: string
): Promise<HistoryServerResult> {
  const port = await freePort();
  const begun = performance.now();
  const server = spawn(
    await java(),
    [
      `-Xmx${HEAP}`,
      // As Spark's launcher does on Java 17.
      '-XX:+IgnoreUnrecognizedVMOptions',
      '--add-opens=java.base/java.lang=ALL-UNNAMED',
      '--add-opens=java.base/java.nio=ALL-UNNAMED',
      '--add-opens=java.base/java.util=ALL-UNNAMED',
      '--add-opens=java.base/sun.nio.ch=ALL-UNNAMED',
      `-Dspark.history.fs.logDirectory=file://${folder}`,
      `-Dspark.history.ui.port=${port}`,
      '-cp',
      join(sparkHome, 'jars', '*'),
      'org.apache.spark.deploy.history.HistoryServer'
    ],
    { stdio: 'ignore', env: { ...process.env, SPARK_LOCAL_IP: '127.0.0.1' } }
  );
  let ended = false;
  const end = new Promise<void>(resolve => {
    server.once('error', () => resolve());
    server.once('close', () => resolve());
  }).then(() => {
    ended = true;
  });
  const api = `http://127.0.0.1:${port}/api/v1/applications`;
  try {
    let startMs: number | null = null;
    for (;;) {
      if (ended) throw new Error('the History Server ended by itself');
      if (performance.now() - begun > TIMEOUT_MS) throw new Error('no answer in ten minutes');
      if (startMs === null && (await answers(api))) startMs = performance.now() - begun;
      if (startMs !== null && (await hasJobs(`${api}/${application}/jobs`))) {
        const totalMs = performance.now() - begun;
        return { totalMs, startMs, peakMiB: await peakOf(server.pid!) };
      }
      await sleep(50);
    }
  } finally {
    server.kill('SIGKILL');
    await end;
  }
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    async response => (await response.text()) !== '' && response.ok,
    () => false
  );
}

async function hasJobs(url: string): Promise<boolean> {
  // Node's request times out after five minutes: for a larger log it is sent again.
  const response = await fetch(url).catch(() => null);
  if (!response) return false;
  const text = await response.text();
  return response.ok && (JSON.parse(text) as unknown[]).length > 0;
}

async function peakOf(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kib = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
  return kib === undefined ? null : Number(kib) / 1024;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>(resolve => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise(resolve => probe.close(resolve));
  return port;
}
