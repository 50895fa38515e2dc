import { Finding, Resources } from '@aglais/protocol';
import { describe, expect, it } from '@jest/globals';
import {
  cgroup,
  diagnose,
  diagnoseLines,
  eventsOf,
  largeCorpus,
  linesOfFile,
  smallCorpus,
  toldBeside
} from './evidence.js';
import { Diagnosis, observeEvidence, observeEventLine } from '../src/index.js';

type Expected = Partial<Finding> & { id: string };

const sigkill: Expected[] = [
  {
    id: 'executor-oom-killed:cell:sw-cell-1',
    severity: 'warning',
    // Exit code 137 alone: somebody sent SIGKILL, mostly the kernel (here a person did).
    confidence: 'likely',
    count: 1,
    explanation:
      'This cell succeeded, but executor 1 was killed by SIGKILL (exit code 137), which is mostly the ' +
      'kernel when memory runs out. 9 of 20 tasks ran twice; that cost 20 s of task time and held the ' +
      'cell up by about 13 s.',
    effects: [
      '1 running task attempt died with it',
      'the output of 3 finished tasks was lost with it',
      '2 task attempts could not read shuffle blocks from it',
      'stage 4 had to do 5 finished tasks again'
    ],
    // By hand: lost 1016; resubmitted 8965 + 4050 + 3103; fetch 1374 + 222; again 641 + 109 + 137 + 102 + 71.
    cost: { taskMs: 19790, recomputedTasks: 9, wallMs: 13308 },
    subject: {
      application: 'app-20261120232544-0000',
      cell: 'sw-cell-1',
      jobs: [3],
      stages: [
        { id: 4, attempt: 1 },
        { id: 5, attempt: 0 }
      ],
      executors: ['1']
    }
  }
];
const cgroupOom: Expected[] = [
  {
    id: 'executor-oom-killed:cell:sw-cell-1',
    severity: 'error',
    confidence: 'likely',
    count: 4,
    title: '4 executors were killed, probably for lack of memory',
    // Two tasks, each lost four times.
    cost: { taskMs: 31988, recomputedTasks: 2, wallMs: 15999 }
  }
];
const heapOom: Expected[] = [
  {
    id: 'executor-heap-oom:cell:sw-cell-1',
    severity: 'error',
    confidence: 'certain',
    count: 8,
    title: '8 executors ran out of Java heap',
    effects: [
      '8 task attempts failed with OutOfMemoryError',
      '7 running task attempts died with it',
      '1 task attempt of cell sw-cell-2 died with it too, and the work was done again',
      'job 2 failed by it'
    ]
  }
];
const tooLarge: Expected[] = ['sw-cell-1', 'sw-cell-2'].map(cell => ({
  id: `result-too-large:cell:${cell}`,
  severity: 'error',
  confidence: 'certain',
  // The same in both: what tells them apart is the cell.
  title: `The result is larger than 10 MiB, the most that may be collected, in cell ${cell}`
}));
const yarn: Expected[] = [
  {
    id: 'executor-oom-killed:job:0',
    severity: 'error',
    confidence: 'certain',
    // Each ExecutorRemoved is in the log twice.
    count: 2,
    explanation:
      'The job failed because 2 executors (1 and 2) were killed by YARN for using more memory than granted ' +
      '(limit 896 MiB, 934 MiB in use, the Java heap may take 512 MiB, Python workers used 662 MiB). ' +
      '1 task was tried again; 16 s of task time was spent for nothing.'
  }
];
const cacheNoFit: Expected[] = [
  {
    id: 'cache-partial:cell:sw-cell-1',
    severity: 'warning',
    confidence: 'certain',
    title: 'Only 4 of 12 partitions of the cached table (id, a, b) fit in memory',
    // Read twice, 8 of 12 partitions each time. By hand from the log: the eight took 76461 and
    // 113176 ms, the four that were found 256.5 and 189.25 ms on average; two slots.
    cost: { taskMs: 186071, recomputedTasks: 16, wallMs: 93036 },
    subject: {
      application: 'app-20261120231733-0000',
      cell: 'sw-cell-1',
      jobs: [3, 5],
      stages: [
        { id: 4, attempt: 0 },
        { id: 7, attempt: 0 }
      ]
    }
  }
];
const skewJoin: Expected[] = [
  {
    id: 'skew:cell:sw-cell-1',
    severity: 'warning',
    confidence: 'certain',
    effects: ['that task of stage 4 spilled 129 MiB to disk'],
    subject: {
      application: 'app-20261120232409-0000',
      cell: 'sw-cell-1',
      jobs: [1],
      stages: [{ id: 4, attempt: 0 }],
      executors: ['0']
    }
  },
  {
    id: 'skew:cell:sw-cell-2',
    severity: 'warning',
    confidence: 'certain',
    subject: {
      application: 'app-20261120232409-0000',
      cell: 'sw-cell-2',
      jobs: [4],
      stages: [{ id: 10, attempt: 0 }],
      executors: ['0']
    }
  }
  // In the third cell Spark split the partition itself: nothing to say.
];
const k8sPython: Expected[] = [
  { id: 'python-worker-died:sql:1', severity: 'error', confidence: 'likely', count: 7 }
];

const SMALL: Record<string, Expected[]> = {
  'executor-killed-in-shuffle': sigkill,
  'executor-oom-in-cgroup': cgroupOom,
  'executor-heap-oom': heapOom,
  'result-too-large': tooLarge,
  'yarn-memory-kill': yarn,
  'k8s-python-worker-killed': k8sPython
};

const LARGE: Record<string, Expected[]> = {
  'k8s-jvm1': [],
  'k8s-jvm2': [
    { id: 'executor-oom-killed:sql:1', severity: 'error', confidence: 'certain', count: 4 }
  ],
  'k8s-one': [
    { id: 'executor-oom-killed:sql:1', severity: 'error', confidence: 'certain', count: 1 }
  ],
  'k8s-pyw': k8sPython,
  'local-cache-no-fit': cacheNoFit,
  'local-cell-tags': [],
  'local-cgroup-oom': cgroupOom,
  'local-collect-1gb-ok-no-oom': [],
  'local-disk-full': [
    {
      id: 'disk-full:cell:sw-cell-1',
      severity: 'error',
      confidence: 'certain',
      count: 11,
      title: 'No space was left on the scratch disk of executors 0 and 1'
    }
  ],
  // The log alone says only that results were lost while their executors lived.
  'local-driver-oom-slowclient': [
    {
      id: 'driver-heap-oom:cell:sw-cell-1',
      severity: 'error',
      confidence: 'likely',
      count: 10
    }
  ],
  'local-exec-heap-oom': heapOom,
  'local-exec-sigkill-shuffle': sigkill,
  'local-max-result-size': tooLarge,
  'local-python-memlimit': [
    { id: 'python-worker-died:cell:sw-cell-1', severity: 'error', confidence: 'certain', count: 7 }
  ],
  'local-python-sigkill': [
    { id: 'python-worker-died:cell:sw-cell-1', severity: 'error', confidence: 'likely', count: 4 }
  ],
  'local-skew-join': skewJoin,
  'yarn-memory-kill': yarn
};

/** What becomes of it when everything that was recorded beside the log is heard, and no more comes. */
const TOLD: Record<string, Expected[]> = {
  ...LARGE,
  'k8s-one': [
    {
      id: 'executor-oom-killed:sql:1',
      severity: 'error',
      confidence: 'certain',
      count: 1,
      explanation:
        "The query failed because executor 2 was killed by the kernel's out-of-memory killer (limit 812 MiB, " +
        'the Java heap may take 512 MiB). 4.4 s of task time was spent for nothing.'
    }
  ],
  // Containers that end with OOMKilled and 0 or 143: Python workers were killed, not the executors.
  'k8s-pyw': [
    { id: 'python-worker-died:sql:1', severity: 'error', confidence: 'certain', count: 7 }
  ],
  // Copies of logs of applications that still ran.
  'local-cell-tags': [
    { id: 'application-incomplete:application', severity: 'info', confidence: 'certain' }
  ],
  'local-cgroup-oom': [
    {
      id: 'executor-oom-killed:cell:sw-cell-1',
      severity: 'error',
      confidence: 'certain',
      count: 4,
      title: '4 executors were killed for lack of memory'
    }
  ],
  'local-driver-oom-slowclient': [
    {
      id: 'driver-heap-oom:cell:sw-cell-1',
      severity: 'error',
      confidence: 'certain',
      title: 'The driver ran out of Java heap'
    }
  ]
};

describe('a recorded run with pods, logs, clients and counters', () => {
  for (const { name, path } of largeCorpus) {
    it(`${name} has exactly the findings that it should have, in whatever order they are heard`, () => {
      const lines = linesOfFile(path);
      const told = toldBeside(path);
      const after = diagnoseLines(lines);
      for (const { kind, file, content } of told) observeEvidence(after, kind, content, file);
      after.close();
      const findings = after.findings();
      const expected = TOLD[name]!;
      expect(findings.map(({ id }) => id).sort()).toEqual(expected.map(({ id }) => id));
      for (const finding of findings) {
        expect(finding).toMatchObject(expected.find(({ id }) => id === finding.id)!);
        expect(Finding.parse(finding)).toEqual(finding);
      }
      expect(after.problems.count).toBe(0);

      const before = new Diagnosis();
      before.close();
      for (const { kind, file, content } of [...told].reverse()) {
        observeEvidence(before, kind, content, file);
      }
      lines.forEach((line, index) => observeEventLine(before, line, `log:${index + 1}`));
      expect(before.findings()).toEqual(findings);
    });
  }

  it('has evidence that is verbatim where it says', () => {
    for (const { path } of largeCorpus) {
      const told = new Map(toldBeside(path).map(one => [one.file, one]));
      const diagnosis = diagnoseLines(linesOfFile(path));
      for (const { kind, file, content } of told.values()) {
        observeEvidence(diagnosis, kind, content, file);
      }
      for (const { evidence } of diagnosis.findings()) {
        for (const { source, quote, ref } of evidence) {
          if (source !== 'log') continue;
          const [file, line] = ref.split(':') as [string, string];
          const said = told.get(file)!.content.split('\n')[Number(line) - 1]!;
          expect(said.trim().startsWith(quote)).toBe(true);
        }
      }
    }
  });
});

describe('a recorded run', () => {
  for (const [corpus, expected] of [
    [smallCorpus, SMALL],
    [largeCorpus, LARGE]
  ] as const) {
    for (const { name, path } of corpus) {
      it(`${name} has exactly the findings that it should have`, () => {
        const diagnosis = diagnoseLines(linesOfFile(path));
        const findings = diagnosis.findings();
        expect(findings.map(({ id }) => id).sort()).toEqual(expected[name]?.map(({ id }) => id));
        for (const finding of findings) {
          expect(finding).toMatchObject(expected[name]!.find(({ id }) => id === finding.id)!);
          expect(Finding.parse(finding)).toEqual(finding);
        }
        expect(diagnosis.problems.count).toBe(0);
        const resources = diagnosis.resources();
        expect(Resources.parse(resources)).toEqual(resources);
      });
    }
  }

  it('has evidence that is verbatim in the log, at the line it names', () => {
    for (const { path } of [...smallCorpus, ...largeCorpus]) {
      const lines = linesOfFile(path);
      for (const { evidence } of diagnoseLines(lines).findings()) {
        expect(evidence.length).toBeGreaterThan(0);
        for (const { quote, ref } of evidence) {
          const line = lines[Number(ref.split(':')[1]) - 1]!;
          const found = line.includes(quote) || line.includes(JSON.stringify(quote).slice(1, -1));
          expect([quote, found]).toEqual([quote, true]);
        }
      }
    }
  });

  it("becomes certain, with the limit and advice in figures, by the cgroup's counters", () => {
    const log = smallCorpus.find(({ name }) => name === 'executor-oom-in-cgroup')!;
    const events = eventsOf(log.path);
    const kills = ['0', '1', '2', '3'].map(executor => cgroup(executor, 1795217570000, 1));
    const [finding, ...others] = diagnose([...events, ...kills]).findings();
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'executor-oom-killed:cell:sw-cell-1',
      confidence: 'certain',
      title: '4 executors were killed for lack of memory',
      explanation:
        "This cell failed because 4 executors (0, 1, 2 and 3) were killed by the kernel's out-of-memory " +
        'killer (limit 430 MiB, the Java heap may take 1 GiB). This shape cannot work: the limit of 430 MiB is ' +
        'not even room for the 1 GiB that the Java heap may grow to. 2 of 4 tasks were tried again; 32 s of ' +
        'task time was spent for nothing.',
      // The heap alone is larger than the limit: it needs its 1024 MiB and 384 MiB beside it.
      advice: [{ action: 'resize', shape: { executorOverheadMiB: 384 } }, { action: 'code' }]
    });
    expect(finding!.evidence.filter(({ source }) => source === 'cgroup')).toHaveLength(4);
  });
});
