import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from '@playwright/test';
import { checkout, node } from '../setup/paths.mjs';
import { choosePlace } from './product/place';

const MINUTE = 60_000;
const { data, state, labPort } = await choosePlace();
const temporary = join(state, 'tmp');
mkdirSync(temporary, { recursive: true });
const url = `http://127.0.0.1:${labPort}`;

/** The real product, as `npm start` runs it, in a real browser. */
export default defineConfig({
  testDir: 'tests',
  // One product for all tests, and each notebook in it has a Spark: parallel tests would only wait for memory.
  workers: 1,
  fullyParallel: false,
  retries: 0,
  reportSlowTests: null,
  // For two shared cores: a cluster starts in 3 s on a quiet machine and in 30 s on a busy one.
  timeout: 10 * MINUTE,
  expect: { timeout: MINUTE },
  reporter: [
    ['list'],
    ...(process.env.PLAYWRIGHT_JSON_OUTPUT_NAME ? [['json'] as const] : []),
    ['./product/page-at-failure.ts'],
    ['./product/nothing-left.ts']
  ],
  use: {
    baseURL: url,
    viewport: { width: 1400, height: 900 },
    trace: 'off',
    video: 'off',
    screenshot: 'only-on-failure',
    launchOptions: {
      ...(process.env.AGLAIS_BROWSER && { executablePath: process.env.AGLAIS_BROWSER }),
      args: [
        '--no-sandbox', // The only option for root, as in containers.
        '--disable-gpu',
        // The browser may only connect to the Lab.
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run'
      ]
    }
  },
  webServer: {
    command: `"${node}" setup/start.mjs --config=ui-tests/jupyter_server_config.py`,
    cwd: checkout,
    env: {
      AGLAIS_DATA: data,
      AGLAIS_STATE: state,
      // Tests count clusters and memory; the one about spares has its own server.
      AGLAIS_SPARES: '0',
      AGLAIS_LAB_PORT: String(labPort),
      AGLAIS_NO_BROWSER: '1',
      TMPDIR: temporary,
      // Otherwise a compiler that the setup may run would create a cache there.
      NODE_DISABLE_COMPILE_CACHE: '1'
    },
    url: `${url}/lab`,
    // The first time, the sample catalogue is built.
    timeout: 15 * MINUTE,
    stdout: 'pipe',
    gracefulShutdown: { signal: 'SIGTERM', timeout: MINUTE }
  }
});
