import { describe, expect, it } from '@jest/globals';
import { progressText, ReadingProgress } from '../src/reading-progress.js';
import { Screen } from './terminal.js';

describe('The progress of reading', () => {
  it('is shown in bytes and percent, and for several logs with their number', () => {
    expect(progressText(52e6, 170e6, 0, 1)).toBe('Reading: 50 MiB of 162 MiB, 30 %');
    expect(progressText(1.2e9, 3.4e9, 12, 340)).toBe(
      'Reading: 1.1 GiB of 3.2 GiB, 35 %, 12 of 340 logs'
    );
    expect(progressText(900e3, null, 0, 1)).toBe('Reading: 879 KiB');
  });

  it('is shown only on a terminal, after a while, and cleared at the end', () => {
    for (const isTTY of [true, false]) {
      const screen = new Screen();
      let now = 0;
      const stderr = Object.assign(screen.stderr, { isTTY, columns: 80 });
      const log = {};
      const progress = new ReadingProgress({ ...screen, stderr, now: () => now }, 1, 100e6);
      progress.read(log, 1e6);
      expect(screen.text.stderr).toBe('');
      now = 1_000;
      progress.read(log, 50e6);
      expect(screen.text.stderr.includes('50 %')).toBe(isTTY);
      progress.clear();
      expect(screen.text.stderr.endsWith('\r\u001b[K')).toBe(isTTY);
    }
  });
});
