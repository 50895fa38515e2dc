import { cpSync, existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findBrowser } from '../browser.mjs';
import { aptInstall } from '../debian.mjs';
import { checkout, data } from '../paths.mjs';
import { output } from '../tools.mjs';
import { nothing } from './schedule.mjs';

/**
 * Installs external programs for the tests: PostgreSQL, a browser. One after the other, because only one process at a
 * time can install packages of the distribution. Where they are unavailable, the tests report it.
 * @param {import('./runners.mjs').Runners} runners
 * @param {{ browser: string | null }} found
 */
export function installedPart(runners, found) {
  return {
    name: 'installed',
    slots: 0,
    minutes: 15,
    async run(signal) {
      const run = async (command, args, options) => {
        const code = await runners.show('installed', signal, command, args, options);
        if (code !== 0) throw new Error(`${command} ended with ${code}`);
      };
      if (!hasPostgres()) await aptInstall(run, ['postgresql']).catch(() => undefined);
      const say = line => console.log(line);
      found.browser = await findBrowser({ run, say }).catch(() => null);
      shareCatalogue();
      return nothing();
    }
  };
}

function hasPostgres() {
  const debian = '/usr/lib/postgresql';
  const found =
    existsSync(debian) &&
    readdirSync(debian).some(v => existsSync(join(debian, v, 'bin', 'postgres')));
  return found || output('which', ['postgres']);
}

/**
 * The product under test has its own data directory (ui-tests/product/place.ts); the sample catalogue need not be built
 * a second time for it.
 */
function shareCatalogue() {
  const [from, to] = [data, join(checkout, '.setup', 'ui-data')].map(directory =>
    join(directory, 'catalogues')
  );
  if (!existsSync(from) || existsSync(to)) return;
  const unfinished = `${to}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  cpSync(from, unfinished, { recursive: true });
  renameSync(unfinished, to);
}
