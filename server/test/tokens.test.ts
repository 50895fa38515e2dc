import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { openTokens } from '../src/identity/tokens.js';
import { temporaryDirectory } from './support/server.js';

const directory = temporaryDirectory();
afterAll(directory.remove);
const place = (files: Record<string, string>): string => {
  const path = mkdtempSync(join(directory.path, 'secrets-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
};

describe('The secrets of a server', () => {
  it.each(['token', 'browser-token', 'secret'])(
    'are rejected if the file %s is empty, too short, or more than one word',
    async name => {
      for (const [text, problem] of [
        ['', 'is empty'],
        ['\n', 'is empty'],
        ['short', 'is shorter than 16 characters'],
        ['two words that are long enough', 'has blanks']
      ] as const) {
        const opened = openTokens(place({ [name]: text }));
        await expect(opened).rejects.toThrow(
          new RegExp(`${name} ${problem}.*nothing was started.*delete it`)
        );
      }
    }
  );

  it('are rejected if a browser would have the token of kernels', async () => {
    const same = 'the-same-in-both-files';
    const opened = openTokens(place({ token: same, 'browser-token': `${same}\n` }));
    await expect(opened).rejects.toThrow(/are the same; nothing was started/);
  });

  it('are created if they are missing; an empty token authenticates nobody', async () => {
    const tokens = await openTokens(place({}));
    expect(tokens.scopeOf('')).toBeNull();
    expect(tokens.forCluster('a')).not.toBe(tokens.forCluster('b'));
  });
});
