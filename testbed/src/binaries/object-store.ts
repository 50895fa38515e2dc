import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cached, keyOf } from '../cached.js';
import { checkout } from '../directories.js';
import { execute, type Progress } from '../execution.js';
import type { Versions } from '../versions.js';
import { findGo } from './go-toolchain.js';

/** An S3 server that stores in a directory (Apache-2.0). */
const PROGRAM = 'github.com/versity/versitygw/cmd/versitygw';
/** Its version, and that of each of its modules with a checksum. */
const source = join(checkout, 'testbed', 'object-store');

/** Builds the S3 server that tests start, once for each set of versions; returns the program. */
export async function buildObjectStore(
  versions: Versions,
  cache: string,
  progress: Progress
): Promise<string> {
  const directory = await cached(
    key => join(cache, `object-store-${key}`),
    keyOf([PROGRAM, process.arch], [source]),
    async unfinished => {
      const log = join(cache, 'logs', 'object-store.log');
      const go = await findGo(versions.go, cache, log);
      const work = join(cache, 'object-store-source');
      const env = {
        ...process.env,
        GOMODCACHE: join(cache, 'go', 'modules'),
        GOCACHE: join(cache, 'go', 'build'),
        GOTOOLCHAIN: 'local',
        GOFLAGS: '-mod=readonly -trimpath -buildvcs=false -modcacherw',
        GOWORK: 'off',
        CGO_ENABLED: '0'
      };
      progress.say(
        'An S3 server for tests: compiling (some five minutes on two cores the first time)'
      );
      rmSync(work, { recursive: true, force: true });
      cpSync(source, work, { recursive: true });
      mkdirSync(unfinished, { recursive: true });
      const program = join(unfinished, 'versitygw');
      await execute(go, ['build', '-ldflags', '-s -w', '-o', program, PROGRAM], {
        cwd: work,
        env,
        log
      });
      rmSync(work, { recursive: true, force: true });
    }
  );
  return join(directory, 'versitygw');
}
