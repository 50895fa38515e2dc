import { readConfig } from './config.js';
import { openLog } from './log.js';
import { passwordsOf, redact } from './redaction.js';
import { startServer, type RunningServer } from './server.js';

const PARENT_CHECK_MS = 1_000;
/** The exit code of a process that this signal ended, as in a shell. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 };

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = openLog(config.logLevel, passwordsOf(config.databaseUrl ?? ''));
  process.on('uncaughtException', error => {
    log.fatal({ err: error }, 'unexpected error; the server ends, clusters go on');
    process.exit(1);
  });

  let server: RunningServer | null = null;
  let isEnding = false;
  const end = (why: string, code: number): void => {
    isEnding = true;
    log.info(`shutting down: ${why}`);
    (server?.close() ?? Promise.resolve()).then(
      () => process.exit(code),
      (error: unknown) => {
        log.error({ err: error }, 'the shutdown failed');
        process.exit(1);
      }
    );
  };
  for (const [signal, code] of Object.entries(EXIT_CODES)) {
    process.on(signal, () => {
      if (!isEnding) return end(signal, 0);
      log.warn(
        `${signal} during the shutdown: ended at once; clusters that still run are stopped by the next server`
      );
      process.exit(code);
    });
  }
  if (process.env.AGLAIS_END_WITH_PARENT === 'true') {
    const parent = process.ppid;
    setInterval(() => {
      if (process.ppid !== parent && !isEnding) end('the parent process has ended', 0);
    }, PARENT_CHECK_MS).unref();
  }

  server = await startServer(config, log);
  const place = { url: server.url, state: config.stateDirectory };
  log.info(place, 'Aglais listens');
  try {
    await server.ready;
    log.info(place, 'Aglais is ready');
  } catch (error) {
    if (isEnding) return;
    console.error(message(error));
    end('it could not be started', 1);
  }
}

function message(error: unknown): string {
  const secrets = passwordsOf(process.env.AGLAIS_DATABASE ?? '');
  return redact(error instanceof Error ? error.message : String(error), secrets);
}

main().catch((error: unknown) => {
  console.error(message(error));
  process.exit(1);
});
