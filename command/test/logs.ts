import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A separate directory for a test; `remove` it at the end. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'aglais-command-'));

  write(name: string, lines: readonly (object | string)[]): string {
    const path = join(this.path, name);
    writeFileSync(path, linesOf(lines));
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}

export function linesOf(lines: readonly (object | string)[]): string {
  return lines.map(line => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
}

/** 20 November 2026, 23:00:00 UTC. */
export const BEGIN = Date.UTC(2026, 10, 20, 23);

/** The start of every log, with one executor. */
export function beginning(name = 'star map', id = 'app-1'): object[] {
  return [
    { Event: 'SparkListenerLogStart', 'Spark Version': '4.3.0' },
    {
      Event: 'SparkListenerApplicationStart',
      'App ID': id,
      'App Name': name,
      Timestamp: BEGIN
    },
    {
      Event: 'SparkListenerExecutorAdded',
      Timestamp: BEGIN + 1_000,
      'Executor ID': '1',
      'Executor Info': { Host: 'host', 'Total Cores': 2 }
    }
  ];
}

/** A job of one task that is killed with its executor and succeeds at the second attempt. */
export function killedOnce(reason = 'Command exited with code 137'): object[] {
  const stage = (attempt = 0) => ({
    'Stage ID': 0,
    'Stage Attempt ID': attempt,
    'Stage Name': 'count',
    'Number of Tasks': 1,
    'Parent IDs': []
  });
  const task = (id: number, attempt: number, executor: string) => ({
    'Task ID': id,
    Index: 0,
    Attempt: attempt,
    'Partition ID': 0,
    'Launch Time': BEGIN + 2_000 + 10_000 * attempt,
    'Executor ID': executor,
    Host: 'host',
    Locality: 'ANY',
    Speculative: false,
    'Finish Time': BEGIN + 9_000 + 10_000 * attempt
  });
  const of = { 'Stage ID': 0, 'Stage Attempt ID': 0 };
  return [
    {
      Event: 'SparkListenerJobStart',
      'Job ID': 0,
      'Submission Time': BEGIN + 2_000,
      'Stage Infos': [stage()],
      'Stage IDs': [0]
    },
    { Event: 'SparkListenerStageSubmitted', 'Stage Info': stage() },
    { Event: 'SparkListenerTaskStart', ...of, 'Task Info': task(0, 0, '1') },
    {
      Event: 'SparkListenerExecutorRemoved',
      Timestamp: BEGIN + 9_000,
      'Executor ID': '1',
      'Removed Reason': reason
    },
    {
      Event: 'SparkListenerTaskEnd',
      ...of,
      'Task Type': 'ResultTask',
      'Task End Reason': {
        Reason: 'ExecutorLostFailure',
        'Executor ID': '1',
        'Exit Caused By App': true,
        'Loss Reason': reason
      },
      'Task Info': task(0, 0, '1')
    },
    { Event: 'SparkListenerTaskStart', ...of, 'Task Info': task(1, 1, '2') },
    {
      Event: 'SparkListenerTaskEnd',
      ...of,
      'Task Type': 'ResultTask',
      'Task End Reason': { Reason: 'Success' },
      'Task Info': task(1, 1, '2')
    },
    { Event: 'SparkListenerStageCompleted', 'Stage Info': stage() },
    {
      Event: 'SparkListenerJobEnd',
      'Job ID': 0,
      'Completion Time': BEGIN + 20_000,
      'Job Result': { Result: 'JobSucceeded' }
    }
  ];
}

export const END = { Event: 'SparkListenerApplicationEnd', Timestamp: BEGIN + 30_000 };
