import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from './directories.js';

/** The versions of all components of the testbed; declared only in testbed/versions.json. */
export interface Versions {
  kubernetes: string;
  etcd: string;
  coredns: string;
  /** The toolchain that is downloaded if there is none of at least this version. */
  go: string;
  /** The code name of the Debian in the Spark image. */
  debian: string;
}

export function readVersions(): Versions {
  return JSON.parse(readFileSync(join(checkout, 'testbed', 'versions.json'), 'utf8')) as Versions;
}
