import { describe, expect, it } from '@jest/globals';
import { type Observation } from '../src/index.js';
import { pod, terminated } from './kubernetes.js';
import { Story } from './story.js';
import { AT, findings, ids, pods } from './stories-with-evidence.js';

describe('the kernel of the notebook', () => {
  const labels = { component: 'singleuser-server' };

  it('is OOM-killed with its pod', () => {
    const state = terminated(137, 'OOMKilled', AT);
    const notebook = pod({ role: null, labels, name: 'jupyter-ada', state, limit: '2Gi' });
    const [finding, ...others] = findings(new Story(), pods(notebook));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      code: 'kernel-oom-killed',
      confidence: 'certain',
      subject: { pod: 'jupyter-ada' }
    });
    expect(finding!.explanation).toMatch(/limit 2.0 GiB/);
  });

  it('was probably killed if a process in its container was, certainly if the kernel died', () => {
    const kill: Observation = {
      kind: 'cgroup',
      executor: 'kernel',
      at: 1_000_500,
      oomKills: 1,
      limitMiB: 2048,
      peakMiB: 2048,
      quote: 'oom_kill 1',
      ref: 'cgroup'
    };
    expect(ids(new Story(), kill)).toEqual(['kernel-oom-killed:application error likely']);
    const error = { name: 'DeadKernelError', message: 'Kernel died' };
    const cell: Observation = {
      kind: 'cell',
      cell: 'abc',
      run: 3,
      outcome: 'error',
      at: 1_000_600,
      error
    };
    expect(ids(new Story(), kill, cell)).toEqual(['kernel-oom-killed:application error certain']);
  });

  const died = (more: object = {}): Observation => ({
    kind: 'kernel-died',
    at: 1_000_600,
    exitCode: -9,
    cell: 'abc',
    run: 3,
    killed: 1,
    limitMiB: 2048,
    quote: 'oom_kill 1',
    ref: 'jupyter-ada /sys/fs/cgroup/memory.events',
    ...more
  });
  const atCell: Observation = {
    kind: 'cell',
    cell: 'abc',
    run: 3,
    outcome: 'running',
    at: 1_000_000
  };

  it('was OOM-killed according to its Jupyter Server: certain, under the running cell', () => {
    const error = { name: 'DeadKernelError', message: 'The kernel died while this cell ran.' };
    const ended: Observation = { ...atCell, outcome: 'error', at: 1_000_600, error };
    // Another cell that runs later changes nothing.
    const later: Observation = { ...atCell, cell: 'def', run: 100_001, at: 1_002_000 };
    for (const story of [
      [atCell, ended, died()],
      [died(), ended, atCell, later, died()]
    ]) {
      const [finding, ...others] = findings(new Story(), ...story);
      expect(others).toEqual([]);
      expect(finding).toMatchObject({
        id: 'kernel-oom-killed:cell:3:abc',
        severity: 'error',
        confidence: 'certain',
        subject: { cell: 'abc', run: 3 },
        count: 1,
        advice: [{ action: 'notebook-memory', memoryMiB: 4096 }, { action: 'code' }]
      });
      expect(finding!.explanation).toMatch(
        /^This cell failed because .* killed the kernel process of the notebook \(limit 2.0 GiB\)/
      );
      expect(finding!.evidence).toContainEqual({
        source: 'cgroup',
        at: 1_000_600,
        quote: 'oom_kill 1',
        ref: 'jupyter-ada /sys/fs/cgroup/memory.events'
      });
    }
  });

  it('was OOM-killed twice: under each of the cells, or once if no cell used Spark', () => {
    const again = died({ at: 1_009_000, cell: 'def', run: 100_001, quote: 'oom_kill 2' });
    const cells = [atCell, { ...atCell, cell: 'def', run: 100_001 }];
    expect(ids(new Story(), ...cells, died(), again)).toEqual([
      'kernel-oom-killed:cell:3:abc error certain',
      'kernel-oom-killed:cell:100001:def error certain'
    ]);
    const none = { cell: null, run: null };
    const [finding, ...others] = findings(
      new Story(),
      died(none),
      died({ ...none, at: 2_000_000 })
    );
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ id: 'kernel-oom-killed:application', count: 2 });
  });

  it('was not OOM-killed if it exited otherwise', () => {
    expect(ids(new Story(), died({ exitCode: 1 }))).toEqual([]);
    expect(ids(new Story(), died({ killed: 0 }))).toEqual([]);
    expect(ids(new Story(), died({ exitCode: null }))).toEqual([
      'kernel-oom-killed:application error likely'
    ]);
  });
});
