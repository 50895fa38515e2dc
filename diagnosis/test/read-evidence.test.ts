import { describe, expect, it } from '@jest/globals';
import {
  Diagnosis,
  observeEvidence,
  detectEvidenceKind,
  type Observation,
  readObservation
} from '../src/index.js';
import { readPod, readPodEvent } from '../src/evidence/kubernetes-pods.js';
import { readYarnText } from '../src/evidence/yarn-reports.js';
import { event, pod, text, UNSCHEDULABLE } from './kubernetes.js';
import { OOM, APPLICATION_STATUS, at } from './reader-samples.js';

describe('evidence of any kind', () => {
  it('is recognized by its content', () => {
    expect(detectEvidenceKind(text(pod()))).toBe('pods');
    expect(detectEvidenceKind(text({ kind: 'List', items: [event('Started', 'x')] }))).toBe(
      'events'
    );
    expect(detectEvidenceKind(text({ type: 'ADDED', object: pod() }))).toBe('pods');
    expect(detectEvidenceKind(APPLICATION_STATUS)).toBe('yarn');
    expect(detectEvidenceKind(`${at} INFO SparkContext: Running Spark version 4.0.5`)).toBe(
      'stderr'
    );
    expect(detectEvidenceKind('Traceback (most recent call last):\nValueError: no')).toBe('client');
    expect(detectEvidenceKind('{"ename": "ValueError", "evalue": "no"}')).toBe('client');
    expect(detectEvidenceKind('{"kind":"time","at":3}')).toBe('observations');
    expect(detectEvidenceKind('{"memory.events":"oom_kill 1","memory.max":"1"}')).toBe('cgroup');
    expect(detectEvidenceKind('once upon a time')).toBeNull();
  });

  it('counts what cannot be read as a problem with file and line, and reads the rest', () => {
    const diagnosis = new Diagnosis();
    observeEvidence(
      diagnosis,
      'pods',
      `{"kind": "Pod"}\nnonsense\n${text(pod({ state: OOM }))}`,
      'pods.json'
    );
    expect(diagnosis.problems.count).toBe(2);
    expect(diagnosis.problems.first).toMatchObject([
      { file: 'pods.json', line: 1 },
      { file: 'pods.json', line: 2 }
    ]);
    expect(diagnosis.findings().map(({ code }) => code)).toEqual(['executor-oom-killed']);
  });

  it('is unchanged after it is stored as lines of observations', () => {
    const kept: Observation[] = [
      readPod(pod({ state: OOM, conditions: [UNSCHEDULABLE] }) as never, 'pods.json:1')!,
      readPodEvent(event('Evicted', 'gone') as never, 'events.json:1')!,
      readYarnText(APPLICATION_STATUS, 'yarn.txt')[0]!,
      { kind: 'capacity', at: 3, memoryMiB: 700, cores: 2, ref: 'nodes' },
      {
        ...{ kind: 'share', share: 'gaia', available: false, at: 4 },
        ...{ state: 'hung', since: 2, message: 'timed out', ref: 'probe' }
      },
      { kind: 'client', name: 'ValueError', message: 'no', cell: 'abc', run: 3, at: 5, ref: 'c' }
    ];
    const lines = kept.map(one => JSON.stringify(one)).join('\n');
    const direct = new Diagnosis();
    const read = new Diagnosis();
    for (const one of kept) direct.observe(one);
    observeEvidence(read, 'observations', lines, 'evidence.jsonl');
    expect(read.problems.count).toBe(0);
    expect(read.findings()).toEqual(direct.findings());
    expect(read.findings().length).toBeGreaterThan(1);
  });

  it('of an earlier version is read under the current name of its kind', () => {
    const line = { at: 5, memoryMiB: 2048, cores: 2, ref: 'nodes' };
    expect(readObservation(JSON.stringify({ kind: 'room', ...line }))).toEqual({
      kind: 'capacity',
      ...line
    });
  });
});
