import type { ApplicationReport, Evidence, Finding } from '@aglais/protocol';

/** 20 November 2026, 23:00:00 UTC. */
export const START = Date.UTC(2026, 10, 20, 23);

/** A finding; a test sets only what it needs. */
export function finding(about: Partial<Finding> = {}): Finding {
  return {
    id: 'executor-lost:job:1',
    code: 'executor-lost',
    severity: 'warning',
    confidence: 'certain',
    title: 'Executor 1 went away',
    explanation: 'The job succeeded, but executor 1 went away.',
    subject: { executors: ['1'] },
    evidence: [evidence()],
    effects: [],
    advice: [],
    firstSeen: START + 20_000,
    lastSeen: START + 20_000,
    count: 1,
    ...about
  };
}

export function evidence(about: Partial<Evidence> = {}): Evidence {
  return {
    source: 'eventlog',
    at: START + 20_000,
    quote: 'Command exited with code 1',
    ref: '/logs/app-1:17',
    ...about
  };
}

export function report(about: Partial<ApplicationReport> = {}): ApplicationReport {
  return {
    id: 'app-1',
    name: 'Star map',
    sparkVersion: '4.3.0',
    complete: true,
    startedAt: START,
    endedAt: START + 60_000,
    files: ['/logs/app-1'],
    problems: [],
    problemCount: 0,
    findings: [],
    resources: {
      driver: {
        limitMiB: null,
        usedMiB: null,
        heapLimitMiB: null,
        heapUsedMiB: null,
        pythonMiB: null
      },
      executors: [],
      usage: [],
      tables: [],
      stages: [],
      timeline: { jobs: [], stages: [], executors: [], omitted: { jobs: 0, stages: 0 } }
    },
    ...about
  };
}
