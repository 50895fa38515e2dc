import { describe, expect, it } from '@jest/globals';
import type { GrantedMemory } from '../src/application/granted-memory.js';
import { moreOverhead } from '../src/detectors/memory-advice.js';

const granted = { heapMiB: 512, overheadMiB: 300, limitMiB: 812 } as GrantedMemory;
const unmeasured = { limitMiB: 812, usedMiB: null, pythonMiB: null };

describe('The advice to request more memory', () => {
  it('mentions that all was used only if memory is known to be the cause', () => {
    expect(moreOverhead(granted, unmeasured, true).sentence).toMatch(
      /it had used all of its 812 MiB/
    );
    expect(moreOverhead(granted, unmeasured, false).sentence).not.toMatch(/had used all/);
  });

  it('mentions the observed use of Python, whatever the cause', () => {
    const measured = { ...unmeasured, pythonMiB: 300 };
    for (const certain of [true, false]) {
      expect(moreOverhead(granted, measured, certain).sentence).toMatch(
        /Python workers used up to 300 MiB/
      );
    }
  });
});
