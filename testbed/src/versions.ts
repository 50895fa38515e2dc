import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from './directories.js';

/** What the testbed is made of; declared in testbed/versions.json and nowhere else. */
export interface Versions {
  kubernetes: string;
  etcd: string;
  coredns: string;
  /** The toolchain that is taken where there is none of at least this version. */
  go: string;
  /** The code name of the Debian in the Spark image. */
  debian: string;
}

export function readVersions(): Versions {
  return JSON.parse(readFileSync(join(checkout, 'testbed', 'versions.json'), 'utf8')) as Versions;
}
