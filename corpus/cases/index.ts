import type { Family } from '../src/case.js';
import { driver } from './driver.js';
import { executors } from './executors.js';
import { healthyShared } from './healthy-shared.js';
import { healthyOwnCluster } from './healthy-own-cluster.js';
import { python } from './python.js';
import { shuffles } from './shuffles.js';
import { slow } from './slow.js';

export const families: readonly Family[] = [
  healthyShared,
  healthyOwnCluster,
  executors,
  python,
  shuffles,
  driver,
  slow
];
