import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { requireClient } from '../src/launchers/kubernetes/archive/archive-for.js';

const checkout = resolve(import.meta.dirname, '../..');

interface Package {
  name: string;
  workspaces?: string[];
  engines?: { node?: string };
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const read = (folder: string) =>
  JSON.parse(readFileSync(join(checkout, folder, 'package.json'), 'utf8')) as Package;
const folders = ['.', ...read('.').workspaces!];

describe('The packages', () => {
  it('have exact versions, except for what the extension shares with its JupyterLab', () => {
    const ranges = folders.flatMap(folder => {
      const { dependencies, devDependencies, optionalDependencies } = read(folder);
      const own = folder === 'extension' ? {} : dependencies;
      return Object.entries({ ...own, ...devDependencies, ...optionalDependencies })
        .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
        .map(([name, version]) => `${folder}: ${name} ${version}`);
    });
    expect(ranges).toEqual([]);
    const shared = Object.values(read('extension').dependencies!);
    expect(shared.filter(version => !version.startsWith('^'))).toEqual([]);
  });

  it('declare the Node version that they need if it is newer than the one that starts the setup', () => {
    expect(read('.').engines).toEqual({ node: '>=20.17' });
    // `node:sqlite` without a flag.
    for (const folder of ['server', 'witness'])
      expect(read(folder).engines).toEqual({ node: '>=22.13' });
  });

  it('report clearly if the client for buckets is missing and a bucket is configured', () => {
    expect(() => requireClient()).not.toThrow();
    const missing = () => {
      throw new Error('Cannot find module');
    };
    expect(() => requireClient(missing as never)).toThrow(
      /bucket.*@aws-sdk.*nothing was started.*npm install/
    );
  });
});
