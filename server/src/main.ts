import { pino } from 'pino';
import { readConfig } from './config.js';
import { startServer } from './server.js';

const PARENT_CHECK_MS = 1_000;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = pino({ level: config.logLevel });
  const server = await startServer(config, log);
  log.info({ url: server.url, state: config.stateDirectory }, 'Aglais listens');

  let closing = false;
  const end = (why: string) => {
    if (closing) return;
    closing = true;
    log.info(`ending: ${why}`);
    server.close().then(
      () => process.exit(0),
      error => {
        log.error({ err: error }, 'the end was not clean');
        process.exit(1);
      }
    );
  };
  process.on('SIGTERM', () => end('asked to'));
  process.on('SIGINT', () => end('asked to'));
  if (process.env.AGLAIS_END_WITH_PARENT === 'true') {
    const parent = process.ppid;
    setInterval(
      () => process.ppid !== parent && end('its parent is gone'),
      PARENT_CHECK_MS
    ).unref();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
