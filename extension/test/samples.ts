import type { CellRun, Cluster, Executor, Finding, Memory, LocatedFinding } from '@aglais/protocol';

/** Small complete objects; a test sets only what it needs. */

export const SHAPE: Cluster['shape'] = {
  driverMemoryMiB: 1024,
  executors: { min: 2, max: 2 },
  executorMemoryMiB: 1024,
  executorOverheadMiB: 384,
  executorCores: 2
};

export function memory(parts: Partial<Memory> = {}): Memory {
  return {
    limitMiB: 1408,
    usedMiB: 704,
    heapLimitMiB: 1024,
    heapUsedMiB: 300,
    pythonMiB: 200,
    ...parts
  };
}

export function executor(parts: Partial<Executor> = {}): Executor {
  return {
    id: '0',
    host: 'localhost',
    state: 'active',
    cores: 2,
    runningTasks: 0,
    doneTasks: 0,
    failedTasks: 0,
    addedAt: 0,
    removedAt: null,
    removedReason: null,
    memory: memory(),
    ...parts
  };
}

export function cluster(parts: Partial<Cluster> = {}): Cluster {
  return {
    id: 'c1',
    kernel: 'k1',
    notebook: 'stars.ipynb',
    jupyterServer: 'laptop-1:8888',
    launcher: 'local',
    spare: false,
    resizeInPlace: { raiseMemory: true, lowerMemory: true, executors: false },
    shape: SHAPE,
    options: [],
    state: 'ready',
    reason: null,
    waitingFor: null,
    createdAt: 1000,
    readyAt: 2000,
    stoppedAt: null,
    lastUsedAt: 2000,
    idleStopAt: null,
    sparkVersion: '4.3.0',
    application: 'app-1',
    driver: { memory: memory({ limitMiB: 1280, usedMiB: 512, pythonMiB: null }) },
    executors: [executor({ id: '0' }), executor({ id: '1' })],
    stages: [],
    tables: [],
    memory: [],
    shareProblems: [],
    warnings: [],
    revision: 1,
    ...parts
  };
}

export function cellRun(parts: Partial<CellRun> = {}): CellRun {
  return {
    cluster: 'c1',
    kernel: 'k1',
    notebook: 'stars.ipynb',
    cell: 'a',
    run: 1,
    outcome: 'running',
    startedAt: 10_000,
    endedAt: null,
    error: null,
    progress: {
      jobs: { total: 1, done: 0, failed: 0 },
      tasks: { total: 10, running: 2, done: 4, failed: 0 },
      stages: []
    },
    ...parts
  };
}

export function located(
  subject: Finding['subject'],
  parts: Partial<Omit<LocatedFinding, 'finding'>> & { finding?: Partial<Finding> } = {}
): LocatedFinding {
  return {
    cluster: 'c1',
    kernel: 'k1',
    notebook: 'stars.ipynb',
    dismissed: false,
    ...parts,
    finding: {
      id: 'f1',
      code: 'executor-oom-killed',
      severity: 'warning',
      confidence: 'certain',
      title: 'Executor 1 was killed for memory',
      explanation: '',
      subject,
      evidence: [],
      effects: [],
      advice: [],
      firstSeen: 11_000,
      lastSeen: 11_000,
      count: 1,
      ...parts.finding
    }
  };
}
