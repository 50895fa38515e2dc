import { smallCorpus } from './recorded-runs.js';

export const RUNS = { numRuns: 25 };

export const oom = smallCorpus.find(({ name }) => name === 'executor-oom-in-cgroup')!;

export const shuffle = smallCorpus.find(({ name }) => name === 'executor-killed-in-shuffle')!;
