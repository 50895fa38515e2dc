import { spawn } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { environment, eventually, sparkHome } from '../support/server.js';

export interface HistoryServer {
  /** Waits until it lists this many applications. */
  applications(count: number): Promise<{ id: string; attempts: { completed: boolean }[] }[]>;
  get(path: string): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Spark's History Server, from PySpark.
 * @param logs what it reads, a URI
 * @param more jars in addition to Spark's, Spark properties, and environment
 */
export async function openHistoryServer(
  directory: string,
  logs: string,
  more: { jars?: string; properties?: object; environment?: Record<string, string> } = {}
): Promise<HistoryServer> {
  const free = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => free.once('listening', resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise(resolve => free.close(resolve));
  const properties = {
    'spark.history.fs.logDirectory': logs,
    'spark.history.fs.update.interval': '2s',
    'spark.history.ui.port': String(port),
    ...more.properties
  };
  const jars = [join(sparkHome, 'jars'), ...(more.jars ? [more.jars] : [])];
  const server = spawn(
    environment(directory)['AGLAIS_JAVA']!,
    [
      '-Xmx512m',
      ...Object.entries(properties).map(([key, value]) => `-D${key}=${String(value)}`),
      '-cp',
      jars.map(folder => join(folder, '*')).join(':'),
      'org.apache.spark.deploy.history.HistoryServer'
    ],
    {
      stdio: 'ignore',
      env: { ...process.env, SPARK_LOCAL_IP: '127.0.0.1', ...more.environment }
    }
  );
  const ended = new Promise(resolve => server.once('close', resolve));
  const get = async (path: string): Promise<unknown> =>
    (await fetch(`http://127.0.0.1:${port}/api/v1${path}`)).json();
  return {
    get,
    applications: count =>
      eventually(`${count} applications in the History Server`, async () => {
        const listed = (await get('/applications').catch(() => null)) as
          { id: string; attempts: { completed: boolean }[] }[] | null;
        return listed?.length === count && listed;
      }),
    async close() {
      server.kill('SIGKILL');
      await ended;
    }
  };
}
