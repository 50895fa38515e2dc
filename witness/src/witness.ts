import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openEvidenceServer } from './evidence-server.js';
import { openRelay } from './tls-proxy.js';
import { readMountedShares, reportShares } from './share-reports.js';

/**
 * Stands beside a Spark driver in its pod, as a native sidecar: it is there before the driver begins and outlives it, so
 * that the driver's last words can be read. Kubernetes tells it with SIGTERM that the driver has ended; it stays until its
 * reader has everything, or until Kubernetes loses patience (the pod's termination grace period).
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
    throw new Error(`${name} is no port.`);
  };
  const secret = async (name: string): Promise<string> =>
    (await readFile(join(need('AGLAIS_SECRET'), name), 'utf8')).trim();

  // Before anybody hears of it: from then on the end may come at any moment.
  const ended = new Promise<void>(resolve => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, resolve);
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
  const relay = await openRelay(identity, port('AGLAIS_CONNECT_PORT'), port('AGLAIS_SPARK_PORT'));
  const shares = reportShares(need('AGLAIS_DIRECTORY'), readMountedShares(env.AGLAIS_SHARES));
  console.log(`aglais: witness at port ${server.port}, Spark Connect at port ${relay.port}`);

  await ended;
  console.log('aglais: the driver has ended; waiting until its evidence has been read');
  shares.close();
  relay.close();
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
