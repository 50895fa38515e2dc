import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from './paths.mjs';
import { aptInstall } from './debian.mjs';
import { output } from './tools.mjs';

const INSTALLED = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MAC = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

/** A browser for the UI tests: an installed one, otherwise Playwright's, otherwise the distribution's package. */
export async function findBrowser({ run, say }) {
  const installed = () =>
    process.env.AGLAIS_BROWSER ??
    INSTALLED.map(name => output('which', [name])).find(Boolean) ??
    (existsSync(MAC) ? MAC : null);
  if (installed()) return installed();
  const { chromium } = await import(
    join(checkout, 'node_modules', '@playwright', 'test', 'index.mjs')
  );
  if (existsSync(chromium.executablePath())) return chromium.executablePath();
  say("no browser is installed; trying Playwright's own");
  await run('npx', ['playwright', 'install', 'chromium-headless-shell', 'chromium']).catch(
    () => undefined
  );
  if (existsSync(chromium.executablePath())) return chromium.executablePath();
  say("installing the distribution's Chromium");
  await aptInstall(run, ['chromium']);
  return installed();
}
