import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Finding } from '@aglais/protocol';
import { describe, expect, it } from '@jest/globals';
import { diagnoseFiles, observeEvidence } from '../src/index.js';

const HERE = join(import.meta.dirname, 'corpus', 'kubernetes');

type Expected = Partial<Finding> & Pick<Finding, 'id' | 'confidence'>;

const EXPECTED: Record<string, Expected[]> = {
  'driver-over-its-limit': [
    {
      id: 'driver-oom-killed:cell:4:large',
      confidence: 'certain',
      severity: 'error',
      title: 'The driver was killed for lack of memory'
    }
  ],
  // The wait ended when capacity became free.
  'executor-waits': [],
  'executors-lost': [
    {
      id: 'executor-oom-killed:cell:1:forks',
      confidence: 'certain',
      severity: 'warning',
      title: 'Executor 1 was killed for lack of memory',
      explanation:
        'This cell succeeded, but executor 1 was killed by the Linux OOM killer (limit 768 MiB, ' +
        'maximum Java heap 512 MiB). 1 task ran twice; that cost 4.8 s of task time and delayed the cell by about 4.8 s.'
    },
    {
      id: 'executor-evicted:cell:1:fills',
      confidence: 'certain',
      severity: 'warning',
      title: 'Executor 2 was evicted from its node',
      explanation:
        'This cell succeeded, but executor 2 was evicted from its node (Usage of EmptyDir volume "spark-local-dir-1" ' +
        'exceeds the limit "100Mi"). 1 task ran twice; that cost 47 s of task time and delayed the cell by about 47 s.'
    },
    {
      id: 'executor-preempted:cell:1:pushed',
      confidence: 'certain',
      severity: 'warning',
      title: 'Executor 3 was preempted'
    }
  ],
  'worker-over-its-limit': [
    {
      id: 'python-worker-died:cell:1:hungry',
      confidence: 'certain',
      severity: 'error',
      title: 'Python workers ran out of memory on executor 1',
      explanation:
        'This cell failed because the Linux OOM killer killed the Python workers of 4 task attempts on ' +
        'executor 1 (executor limit 768 MiB, maximum Java heap 512 MiB). 1 task was retried; 5.9 s of ' +
        'task time was wasted.'
    }
  ],
  // None of them had registered.
  'executors-without-java': [
    {
      id: 'executor-lost:cell:1:waits',
      confidence: 'certain',
      severity: 'warning',
      advice: [
        expect.objectContaining({
          hint: 'look-at-executors'
        }) as unknown as Finding['advice'][number]
      ]
    }
  ],
  'executors-too-small': [
    { id: 'executor-oom-killed:cell:1:waits', confidence: 'certain', severity: 'warning' }
  ],
  'image-missing': [
    {
      id: 'image-failed:application',
      confidence: 'certain',
      severity: 'error',
      title: 'The image aglais.invalid/nothing:1 could not be pulled'
    }
  ],
  'claim-missing': [
    {
      id: 'mount-failed:application',
      confidence: 'certain',
      severity: 'error',
      title: 'Volume claim gaia-dr3 does not exist'
    }
  ],
  'folder-missing': [
    {
      id: 'mount-failed:application',
      confidence: 'certain',
      severity: 'error',
      title: 'Volume share-gaia cannot be mounted'
    }
  ]
};

const sorted = (findings: readonly { id: string }[]) => findings.map(({ id }) => id).sort();

describe('a recorded run on Kubernetes', () => {
  it('exists for each expectation, and vice versa', () => {
    expect(readdirSync(HERE).sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  for (const [name, expected] of Object.entries(EXPECTED)) {
    const events = join(HERE, name, 'live.jsonl.gz');
    const eventLogs = existsSync(events) ? [events] : [];

    it(`${name} has exactly the expected findings, from the server's records`, async () => {
      const evidence = [join(HERE, name, 'evidence.jsonl')];
      const diagnosis = await diagnoseFiles({ eventLogs, evidence });
      expect(diagnosis.problems.count).toBe(0);
      const findings = diagnosis.findings();
      expect(sorted(findings)).toEqual(sorted(expected));
      for (const finding of findings) {
        expect(finding).toMatchObject(expected.find(({ id }) => id === finding.id)!);
        expect(Finding.parse(finding)).toEqual(finding);
      }
    });

    const kubernetes = join(HERE, name, 'kubernetes.json');
    if (!existsSync(kubernetes)) continue;
    it(`${name} has the same findings from Spark's events and Kubernetes objects alone`, async () => {
      const diagnosis = await diagnoseFiles({ eventLogs });
      const objects = readFileSync(kubernetes, 'utf8');
      observeEvidence(diagnosis, 'pods', objects, 'kubernetes.json');
      expect(diagnosis.problems.count).toBe(0);
      const found = diagnosis.findings().map(({ id, confidence }) => ({ id, confidence }));
      for (const { id, confidence } of expected) expect(found).toContainEqual({ id, confidence });
    });
  }
});
