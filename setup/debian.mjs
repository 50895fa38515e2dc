import { output } from './tools.mjs';

/** Installs Debian packages where that is possible without asking; does nothing elsewhere. */
export async function aptInstall(run, packages) {
  if (process.getuid?.() !== 0 || !output('which', ['apt-get'])) return;
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  await run('apt-get', ['update', '-q'], options);
  await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], options);
}
