import type { Finding } from '@aglais/protocol';
import { Diagnosis, observeEvidence, type EvidenceKind, type Observation } from '../src/index.js';
import { text } from './kubernetes.js';
import { lost, Story } from './story.js';

export const CELL = 'aglais-cell:3:abc';

export const KUBERNETES = {
  'spark.master': 'k8s://https://10.0.0.1:443',
  'spark.executor.memory': '512m',
  'spark.executor.memoryOverhead': '300m',
  'spark.kubernetes.executor.podNamePrefix': 'app',
  'spark.kubernetes.driver.pod.name': 'app-driver'
};

export const AT = '2026-11-20T23:35:43Z';

export type More = [EvidenceKind, string] | Observation;

export function diagnose(story: Story | null, ...more: More[]): Diagnosis {
  const diagnosis = new Diagnosis();
  for (const observation of story?.observations ?? []) diagnosis.observe(observation);
  for (const one of more) {
    if (Array.isArray(one)) observeEvidence(diagnosis, one[0], one[1], one[0]);
    else diagnosis.observe(one);
  }
  return diagnosis;
}

export function findings(story: Story | null, ...more: More[]): Finding[] {
  return diagnose(story, ...more).findings();
}

export function ids(story: Story | null, ...more: More[]): string[] {
  return findings(story, ...more).map(
    ({ id, severity, confidence }) => `${id} ${severity} ${confidence}`
  );
}

export function pods(...all: object[]): More {
  return ['pods', text(...all)];
}

export function events(...all: object[]): More {
  return ['events', text(...all)];
}

/** Executor 1 is lost with a task; executor 2 then repeats it. */
export function losing(reason: string, conf: Record<string, string> = KUBERNETES): Story {
  const story = new Story(conf).executor('1', '2').job(0, CELL, [0, 2]).stage(0, 2);
  const doomed = story.start(0, 0, { executor: '1', ms: 4000 });
  story.task(0, 1, { executor: '2' });
  doomed(lost('1', reason)).removed('1', reason);
  return story.wait(500).task(0, 0, { executor: '2', ms: 3000 }).stageEnd(0, 2).jobEnd(0);
}

/** A job that fails because one task fails repeatedly with the same exception. */
export function failing(reason: object, message: string, conf: Record<string, string> = {}): Story {
  const story = new Story(conf).executor('1').job(0, CELL, [0, 1]).stage(0, 1);
  for (let attempt = 0; attempt < 4; attempt += 1) story.task(0, 0, { executor: '1' }, reason);
  const said = `Job aborted due to stage failure: Task 0 in stage 0.0 failed 4 times, most recent failure: Lost task 0.3 in stage 0.0 (TID 4) (10.0.0.1 executor 1): ${message}`;
  return story.stageEnd(0, 1, 0, said).jobEnd(0, said);
}
