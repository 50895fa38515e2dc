import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openEvidenceServer } from './evidence-server.js';
import { readMountedShares, reportShares } from './share-reports.js';
import { openTlsProxy } from './tls-proxy.js';

/**
 * The sidecar in a driver's pod that terminates TLS and serves the evidence files. It starts before the driver and ends
 * after it, so that the end of the driver's log can be read. Kubernetes sends SIGTERM when the driver has ended; the
 * witness then waits until its reader has everything, or until the grace period of the pod is over.
 */
async function main(env: NodeJS.ProcessEnv): Promise<void> {
  const need = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === '') throw new Error(`${name} is not set.`);
    return value;
  };
  const port = (name: string): number => {
    const value = Number(need(name));
    if (Number.isInteger(value) && value >= 0 && value < 65_536) return value;
    throw new Error(`${name} is not a port.`);
  };
  const secret = async (name: string): Promise<string> =>
    (await readFile(join(need('AGLAIS_SECRET'), name), 'utf8')).trim();

  // First: the signal may arrive at any time. A witness that is restarted later does not get it again.
  const ended = new Promise<void>(resolve => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, resolve);
    if (env.AGLAIS_DRIVER_ENDED) resolve();
  });
  const identity = { key: await secret('tls.key'), certificate: await secret('tls.crt') };
  const over = new AbortController();
  let isDone: () => void = () => undefined;
  const done = new Promise<void>(resolve => (isDone = resolve));
  const server = await openEvidenceServer({
    directory: need('AGLAIS_DIRECTORY'),
    application: env.AGLAIS_APPLICATION ?? null,
    identity,
    token: await secret('witness-token'),
    port: port('AGLAIS_WITNESS_PORT'),
    over: over.signal,
    onDone: isDone
  });
  const proxy = await openTlsProxy(
    identity,
    port('AGLAIS_CONNECT_PORT'),
    port('AGLAIS_SPARK_PORT')
  );
  const shares = reportShares(need('AGLAIS_DIRECTORY'), readMountedShares(env.AGLAIS_SHARES));
  console.log(`aglais: witness at port ${server.port}, Spark Connect at port ${proxy.port}`);

  await ended;
  console.log('aglais: the driver has ended; waiting until its evidence has been read');
  shares.close();
  proxy.close();
  over.abort();
  await done;
  await server.close();
  console.log('aglais: everything was read');
  process.exit(0);
}

main(process.env).catch((error: unknown) => {
  console.error(`aglais: ${(error as Error).message}`);
  process.exit(1);
});
