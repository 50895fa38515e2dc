import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { cached, keyOf } from '../cached.js';
import { execute, output, type Progress, TestbedError } from '../execution.js';

/** Programs from Debian packages, with the libraries that a small system may lack. Nothing is installed. */
const PACKAGES = [
  'busybox-static',
  'containerd',
  'containernetworking-plugins',
  'mmdebstrap',
  'nftables',
  'runc'
];
const LIBRARIES = [
  'libedit2',
  'libgmp10',
  'libjansson4',
  'libmnl0',
  'libnftables1',
  'libnftnl11',
  'libseccomp2',
  'libxtables12'
];

export interface DebianPrograms {
  root: string;
  /** For programs that run from `root`. */
  env: NodeJS.ProcessEnv;
}

/** Downloads and unpacks Debian packages, once for each set of their versions. */
export async function unpackDebian(cache: string, progress: Progress): Promise<DebianPrograms> {
  if (!output('which', ['apt-get']) || !output('which', ['dpkg-deb']))
    throw new TestbedError(
      'The testbed takes containerd, runc and the network plug-ins from Debian packages; apt-get or dpkg-deb is not here.'
    );
  const log = join(cache, 'logs', 'debian.log');
  const known = readdirSync(cache, { withFileTypes: true }).find(entry =>
    /^debian-[0-9a-f]{12}$/.test(entry.name)
  );
  // Unpacked packages are kept until they are deleted: package lists change all the time, and any version works.
  const root = known
    ? join(cache, known.name)
    : await cached(
        key => join(cache, `debian-${key}`),
        keyOf([PACKAGES, LIBRARIES]),
        async unfinished => {
          progress.say('containerd, runc and network plug-ins: packages of the distribution');
          const packages = `${unfinished}.packages`;
          mkdirSync(packages, { recursive: true });
          await execute('apt-get', ['update', '-q'], { log });
          await execute('apt-get', ['download', '-q', ...PACKAGES, ...LIBRARIES], {
            cwd: packages,
            log
          });
          for (const name of readdirSync(packages))
            await execute('dpkg-deb', ['-x', join(packages, name), unfinished], { log });
          rmSync(packages, { recursive: true });
          // containerd looks for its plug-ins in a directory of the distribution.
          if (!existsSync(join(unfinished, 'usr', 'lib', 'cni', 'ptp')))
            throw new TestbedError("The distribution's network plug-ins are not where they were.");
          symlinkSync('usr/lib/cni', join(unfinished, 'cni'));
        }
      );
  return { root, env: environmentFor(root) };
}

/** Unpacked programs come first in PATH, their libraries before the system's. */
export function environmentFor(
  root: string,
  env: NodeJS.ProcessEnv = process.env
): NodeJS.ProcessEnv {
  const libraries = join(root, 'usr', 'lib', `${gnuArchitecture()}-linux-gnu`);
  return {
    ...env,
    PATH: [join(root, 'usr', 'bin'), join(root, 'usr', 'sbin'), env.PATH, '/usr/sbin', '/sbin']
      .filter(Boolean)
      .join(':'),
    LD_LIBRARY_PATH: libraries
  };
}

const gnuArchitecture = () => (process.arch === 'arm64' ? 'aarch64' : 'x86_64');

/**
 * The package sources of this machine for a release, as files for mmdebstrap.
 * @throws TestbedError if there are none
 */
export function sourcesOf(release: string, directory = '/etc/apt'): string[] {
  const folder = join(directory, 'sources.list.d');
  const files = [
    join(directory, 'sources.list'),
    ...(existsSync(folder) ? readdirSync(folder).map(name => join(folder, name)) : [])
  ].filter(path => existsSync(path) && servesRelease(readFileSync(path, 'utf8'), release));
  const named = process.env.AGLAIS_DEBIAN_SOURCES;
  if (named) return named.split(':');
  if (files.length === 0)
    throw new TestbedError(
      `No package source of this machine serves Debian ${release}, of which the Spark image is made. ` +
        'Write one into a file and name it with AGLAIS_DEBIAN_SOURCES.'
    );
  return files;
}

/** Whether an apt source (sources.list(5), both formats) provides the release itself, not only a suite of a vendor. */
export function servesRelease(text: string, release: string): boolean {
  const suites = [
    ...[...text.matchAll(/^Suites:\s*(.*)$/gm)].flatMap(match => (match[1] ?? '').split(/\s+/)),
    ...[...text.matchAll(/^deb\s+(?:\[[^\]]*\]\s+)?\S+\s+(\S+)/gm)].map(match => match[1])
  ];
  return suites.some(suite => suite === release || suite === `${release}-security`);
}
