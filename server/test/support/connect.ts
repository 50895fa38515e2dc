import { spawn, type ChildProcess } from 'node:child_process';
import type { Endpoint } from '@aglais/protocol';
import { python } from './server.js';

export interface PythonRun {
  code: number | null;
  stdout: string;
  stderr: string;
}

type Reached = Pick<Endpoint, 'url' | 'token' | 'ca'>;

/** As a kernel connects: only to a driver whose certificate is signed by this CA, and with its retries. */
const PINNED = `
import pyspark.sql.connect.client.core as core
from aglais_kernel.pyspark_hooks import channel_builder
from aglais_kernel.retries import retries_while
from pyspark.sql.connect.session import SparkSession as ConnectSession
builder = channel_builder(core, os.environ["REMOTE"], os.environ["CA"])
spark = ConnectSession.builder.channelBuilder(builder).getOrCreate()
spark.client.set_retry_policies([retries_while(lambda: True)])
`;

/** Runs Python with `spark`, a session on the cluster, and `F`, Spark's SQL functions. */
export async function runPython(endpoint: Reached, code: string): Promise<PythonRun> {
  return startPython(endpoint, code).ended;
}

/** The same, without waiting for its end. */
export function startPython(
  endpoint: Reached,
  code: string
): { child: ChildProcess; run: PythonRun; ended: Promise<PythonRun> } {
  const program = `
import os
from pyspark.sql import SparkSession, functions as F
${endpoint.ca ? PINNED : 'spark = SparkSession.builder.remote(os.environ["REMOTE"]).getOrCreate()'}
${code}
spark.stop()
`;
  const child = spawn(python, ['-c', program], {
    env: {
      ...process.env,
      REMOTE: `${endpoint.url}/;token=${endpoint.token}`,
      CA: endpoint.ca ?? ''
    },
    stdio: ['ignore', 'pipe', 'pipe']
  });
  const run: PythonRun = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (text: Buffer) => (run.stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (run.stderr += text.toString()));
  const ended = new Promise<PythonRun>((resolve, reject) => {
    child.once('close', code => resolve(Object.assign(run, { code })));
    child.once('error', reject);
  });
  return { child, run, ended };
}
