import type { Finding } from '@aglais/protocol';
import { diagnose } from './recorded-runs.js';
import { Story } from './story.js';

export const CELL = 'aglais-cell:3:abc';

export const KUBERNETES = {
  'spark.master': 'k8s://https://10.0.0.1:443',
  'spark.executor.memory': '512m',
  'spark.executor.memoryOverhead': '300m'
};

export function findings(story: Story, ...more: Parameters<typeof diagnose>[0][]): Finding[] {
  return diagnose([...story.observations, ...more.flatMap(one => [...one])]).findings();
}

export function ids(story: Story, ...more: Parameters<typeof diagnose>[0][]): string[] {
  return findings(story, ...more).map(({ id, confidence }) => `${id} ${confidence}`);
}
