import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cached, keyOf } from '../src/cached.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'aglais-cached-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const path = (key: string) => join(directory, `thing-${key}.tar`);
const make = (key: string) =>
  cached(path, key, unfinished => Promise.resolve(writeFileSync(unfinished, key)));
const [ONE, TWO] = [keyOf(['one']), keyOf(['two'])];

describe('a cached build', () => {
  it('is built once for each key', async () => {
    await make(ONE);
    const again = await cached(path, ONE, () => Promise.reject(new Error('built again')));
    expect(again).toBe(path(ONE));
  });

  it('does not exist if the build failed', async () => {
    const breaksOff = cached(path, ONE, unfinished => {
      writeFileSync(unfinished, 'half');
      return Promise.reject(new Error('broke off'));
    });
    await expect(breaksOff).rejects.toThrow('broke off');
    expect(existsSync(path(ONE))).toBe(false);
    await make(ONE);
    expect(existsSync(path(ONE))).toBe(true);
  });

  it('replaces its predecessor, and nothing else', async () => {
    await make(ONE);
    mkdirSync(`${path(ONE)}.unfinished.root`);
    const others = ['thing-else.tar', 'other-0123456789ab.tar', 'thing-0123456789ab.txt'];
    for (const name of others) writeFileSync(join(directory, name), '');
    await make(TWO);
    expect(existsSync(path(ONE))).toBe(false);
    expect(existsSync(`${path(ONE)}.unfinished.root`)).toBe(false);
    for (const name of others) expect(existsSync(join(directory, name))).toBe(true);
  });
});

describe('a key', () => {
  it('changes with the content of files, not with their path', () => {
    const [a, b] = [join(directory, 'a'), join(directory, 'b')];
    writeFileSync(a, 'same');
    writeFileSync(b, 'same');
    expect(keyOf([], [a])).toBe(keyOf([], [b]));
    writeFileSync(b, 'other');
    expect(keyOf([], [a])).not.toBe(keyOf([], [b]));
  });
});
