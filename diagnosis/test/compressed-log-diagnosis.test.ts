import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diagnoseFiles } from '../src/index.js';
import { FIXTURES, CODECS, fixture } from './log-fixtures.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aglais-logs-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('a complete diagnosis', () => {
  it('is the same for every codec', async () => {
    const reference = await diagnoseFiles({ eventLogs: [fixture('gz')] });
    expect(reference.application).toMatchObject({ sparkVersion: '4.0.5', complete: true });
    for (const path of [...CODECS.map(fixture), join(FIXTURES, 'rolling.zip')]) {
      const diagnosis = await diagnoseFiles({ eventLogs: [path] });
      expect(diagnosis.application).toEqual(reference.application);
      expect(diagnosis.problems.count).toBe(0);
      expect(diagnosis.executors()).toEqual(reference.executors());
    }
  });
});
