import { spawn, type ChildProcess } from 'node:child_process';
import type { Endpoint } from '@aglais/protocol';
import { python } from './server.js';

export interface PythonRun {
  code: number | null;
  stdout: string;
  stderr: string;
}

type Reached = Pick<Endpoint, 'url' | 'token' | 'ca'>;

/** As the kernel part of Aglais connects: only to a driver whose certificate is signed by this CA. */
const PINNED = `
import grpc
from pyspark.sql.connect.client import DefaultChannelBuilder
from pyspark.sql.connect.session import SparkSession as ConnectSession
class Pinned(DefaultChannelBuilder):
    def toChannel(self):
        credentials = grpc.composite_channel_credentials(
            grpc.ssl_channel_credentials(root_certificates=os.environ["CA"].encode()),
            grpc.access_token_call_credentials(self.token))
        return self._secure_channel(self.endpoint, credentials)
builder = Pinned(os.environ["REMOTE"], [("grpc.ssl_target_name_override", "aglais")])
spark = ConnectSession.builder.channelBuilder(builder).getOrCreate()
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
