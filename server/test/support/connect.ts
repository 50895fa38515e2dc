import { spawn } from 'node:child_process';
import type { Endpoint } from '@aglais/protocol';
import { python } from './server.js';

export interface PythonRun {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs Python that finds `spark`, a session on the cluster, and `F`, the functions of Spark's SQL. */
export async function runPython(endpoint: Endpoint, code: string): Promise<PythonRun> {
  const program = `
import os
from pyspark.sql import SparkSession, functions as F
spark = SparkSession.builder.remote(os.environ["REMOTE"]).getOrCreate()
${code}
spark.stop()
`;
  const child = spawn(python, ['-c', program], {
    env: { ...process.env, REMOTE: `${endpoint.url}/;token=${endpoint.token}` },
    stdio: ['ignore', 'pipe', 'pipe']
  });
  const run: PythonRun = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (text: Buffer) => (run.stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (run.stderr += text.toString()));
  run.code = await new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  });
  return run;
}
