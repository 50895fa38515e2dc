import { copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached, keyOf } from '../cached.js';
import { execute } from '../execution.js';
import { layerOf, writeLayout } from './oci.js';

/** A small image for arbitrary test pods, which is also the pause container of every pod. */
export const PROBE_IMAGE = 'aglais.local/probe:1';

const COMMANDS =
  'cat dd df env false free head httpd id kill ls mkdir ps rm sh sleep stat tail test touch true wc'.split(
    ' '
  );

/** Creates an image with nothing but busybox; returns its OCI layout. */
export function makeProbeImage(debianRoot: string, cache: string): Promise<string> {
  const busybox = join(debianRoot, 'bin', 'busybox');
  return cached(
    key => join(cache, `probe-image-${key}`),
    keyOf([COMMANDS, PROBE_IMAGE], [busybox]),
    async unfinished => {
      const root = `${unfinished}.root`;
      for (const folder of ['bin', 'etc', 'tmp'])
        mkdirSync(join(root, folder), { recursive: true });
      copyFileSync(busybox, join(root, 'bin', 'busybox'));
      for (const name of COMMANDS) symlinkSync('busybox', join(root, 'bin', name));
      writeFileSync(join(root, 'etc', 'passwd'), 'root:x:0:0:root:/:/bin/sh\n');
      const tar = `${unfinished}.tar`;
      const log = join(cache, 'logs', 'probe-image.log');
      await execute('tar', [...SAME_EVERY_TIME, '-cf', tar, '-C', root, '.'], { log });
      writeLayout(unfinished, PROBE_IMAGE, [await layerOf(tar)], {
        // The pause container gets no arguments, and waits.
        entrypoint: ['/bin/sleep', '2147483647'],
        env: { PATH: '/bin' },
        user: '0',
        workdir: '/'
      });
      rmSync(tar);
      rmSync(root, { recursive: true });
    }
  );
}

/** Options of GNU tar for reproducible archives (reproducible-builds.org/docs/archives). */
export const SAME_EVERY_TIME = [
  '--sort=name',
  '--owner=0',
  '--group=0',
  '--numeric-owner',
  '--mtime=@1577836800',
  '--format=gnu'
];
