import type { Finding, ResizeInPlace } from '@aglais/protocol';
import type { ClusterRow } from '../../src/store/schema.js';
import { SMALL } from './server.js';

/** What the local launcher can change in a running cluster. */
export const LOCAL: ResizeInPlace = { raiseMemory: true, lowerMemory: true, executors: false };

/** A row of a running cluster; a test sets only what it needs. */
export function row(change: Partial<ClusterRow> = {}): ClusterRow {
  return {
    id: 'c1',
    kernel: 'k1',
    notebook: 'stars.ipynb',
    jupyter_server: null,
    launcher: 'local',
    shape: JSON.stringify(SMALL),
    options: '[]',
    desired: 'running',
    state: 'ready',
    reason: null,
    application: null,
    spark_version: null,
    created_at: 1_000,
    ready_at: null,
    stopped_at: null,
    last_used_at: 1_000,
    replaces: null,
    spare: 0,
    catalogue: null,
    revision: 0,
    ...change
  };
}

export function finding(change: Partial<Finding> = {}): Finding {
  return {
    id: 'f1',
    code: 'executor-lost',
    severity: 'error',
    confidence: 'likely',
    title: 'An executor was lost',
    explanation: 'It ended.',
    subject: {},
    evidence: [],
    effects: [],
    advice: [],
    firstSeen: 1,
    lastSeen: 2,
    count: 1,
    ...change
  };
}
