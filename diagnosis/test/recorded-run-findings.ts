import type { Finding } from '@aglais/protocol';

export type Expected = Partial<Finding> & { id: string };

const sigkill: Expected[] = [
  {
    id: 'executor-oom-killed:cell:sw-cell-1',
    severity: 'warning',
    // Exit code 137 only: usually the Linux OOM killer (here SIGKILL was sent manually).
    confidence: 'likely',
    count: 1,
    explanation:
      'This cell succeeded, but executor 1 was killed by SIGKILL (exit code 137), usually sent by the ' +
      'Linux OOM killer. 9 of 20 tasks ran twice; that cost 20 s of task time and delayed the cell by about 13 s.',
    effects: [
      '1 running task attempt failed with it',
      'the output of 3 finished tasks was lost with it',
      '2 task attempts could not read shuffle blocks from it',
      'stage 4 had to recompute 5 finished tasks'
    ],
    // Computed manually: lost 1016; resubmitted 8965 + 4050 + 3103; fetch 1374 + 222; again 641 + 109 + 137 + 102 + 71.
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
      '7 running task attempts failed with it',
      '1 task attempt of cell sw-cell-2 failed with it too and ran again',
      'job 2 failed because of it'
    ]
  }
];
const tooLarge: Expected[] = ['sw-cell-1', 'sw-cell-2'].map(cell => ({
  id: `result-too-large:cell:${cell}`,
  severity: 'error',
  confidence: 'certain',
  title: `The result is larger than 10 MiB, the maximum that can be collected`
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
      '(limit 896 MiB, 934 MiB in use, maximum Java heap 512 MiB, Python workers used 662 MiB). ' +
      '1 task was retried; 16 s of task time was wasted.'
  }
];
const cacheNoFit: Expected[] = [
  {
    id: 'cache-partial:cell:sw-cell-1',
    severity: 'warning',
    confidence: 'certain',
    title: 'Only 4 of 12 partitions of the cached table (id, a, b) fit in memory',
    // Read twice, 8 of 12 partitions each time. Computed manually from the log: the eight took 76461 and 113176 ms, the
    // four cache hits 256.5 and 189.25 ms on average; two slots.
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
    effects: ['this task of stage 4 spilled 129 MiB to disk'],
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
  // In the third cell Spark split the partition itself: nothing to report.
];
const k8sPython: Expected[] = [
  { id: 'python-worker-died:sql:1', severity: 'error', confidence: 'likely', count: 7 }
];

export const SMALL: Record<string, Expected[]> = {
  'executor-killed-in-shuffle': sigkill,
  'executor-oom-in-cgroup': cgroupOom,
  'executor-heap-oom': heapOom,
  'result-too-large': tooLarge,
  'yarn-memory-kill': yarn,
  'k8s-python-worker-killed': k8sPython
};

export const LARGE: Record<string, Expected[]> = {
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
      title: 'The scratch disk of executors 0 and 1 is full'
    }
  ],
  // The log alone shows only that results were lost while their executors were alive.
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

/** The changes with all additional recorded evidence, when the log is complete. */
export const WITH_EVIDENCE: Record<string, Expected[]> = {
  ...LARGE,
  'k8s-one': [
    {
      id: 'executor-oom-killed:sql:1',
      severity: 'error',
      confidence: 'certain',
      count: 1,
      explanation:
        'The query failed because executor 2 was killed by the Linux OOM killer (limit 812 MiB, ' +
        'maximum Java heap 512 MiB). 4.4 s of task time was wasted.'
    }
  ],
  // Containers that end with OOMKilled and 0 or 143: Python workers were killed, not the executors.
  'k8s-pyw': [
    { id: 'python-worker-died:sql:1', severity: 'error', confidence: 'certain', count: 7 }
  ],
  // Copies of logs of applications that were still running.
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
