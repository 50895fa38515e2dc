import type { Family } from '../src/case.js';
import { driver } from './driver.js';
import { executors } from './executors.js';
import { ordinary, peculiar } from './healthy-shared.js';
import { python } from './python.js';
import { shuffles } from './shuffles.js';
import { slow } from './slow.js';

export const families: readonly Family[] = [
  ordinary,
  peculiar,
  executors,
  python,
  shuffles,
  driver,
  slow
];
