import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from '@jest/globals';
import { namedKubernetes } from '../kubernetes.mjs';
import { tableOf } from '../test-run/output.mjs';
import { jestResult, playwrightResult, pytestResult } from '../test-run/reports.mjs';
import { nothing, runParts, skip, type Part } from '../test-run/schedule.mjs';

describe('Parts of a test run', () => {
  const onBegin = () => undefined;
  const options = { slots: 2, signal: new AbortController().signal, onBegin, onEnd: onBegin };
  let atOnce = 0;
  let most = 0;
  const part = (name: string, more: Partial<Part> = {}): Part => ({
    ...{ name, minutes: 1 },
    async run() {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await sleep(20);
      atOnce -= 1;
      return { ...nothing(), passed: 1 };
    },
    ...more
  });

  it('run concurrently, but no more of them than there are cores', async () => {
    most = 0;
    const outcomes = await runParts(
      ['a', 'b', 'c', 'd'].map(name => part(name)),
      options
    );
    expect(most).toBe(2);
    expect(outcomes.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('run in addition to them if they only wait', async () => {
    most = 0;
    await runParts([part('waits', { slots: 0 }), part('a'), part('b')], options);
    expect(most).toBe(3);
  });

  it('run after those that they need, and without unselected ones', async () => {
    const order: string[] = [];
    await runParts([part('a'), part('b', { needs: ['a'] }), part('c', { needs: ['not chosen'] })], {
      ...options,
      onBegin: (name: string) => void order.push(name)
    });
    expect(order).toEqual(['a', 'c', 'b']);
  });

  it('have failed when they throw or take too long, and the others continue', async () => {
    const outcomes = await runParts(
      [
        part('throws', { run: () => Promise.reject(new Error('no such program')) }),
        part('hangs', {
          minutes: 0.001,
          run: signal =>
            new Promise(resolve => {
              signal.addEventListener('abort', () => resolve({ ...nothing(), passed: 3 }));
            })
        }),
        part('goes on')
      ],
      options
    );
    expect(outcomes.map(({ result }) => result.failed)).toEqual([1, 1, 0]);
    expect(outcomes[0]!.result.notes).toEqual(['no such program']);
    expect(outcomes[1]!.result.notes[0]).toMatch(/did not end within 0\.001 minutes/);
    expect(outcomes[2]!.result.passed).toBe(1);
  });

  it('are not started after an interruption, except for cleanup', async () => {
    const abort = new AbortController();
    const begun: string[] = [];
    await runParts(
      [
        part('a', { run: async () => (abort.abort(), nothing()) }),
        part('b', { needs: ['a'] }),
        part('down', { needs: ['b'], always: true })
      ],
      { ...options, signal: abort.signal, onBegin: (name: string) => void begun.push(name) }
    );
    expect(begun).toEqual(['a', 'down']);
  });

  it('are shown with their minutes, and with the reason if they could not run', () => {
    const result = {
      passed: 12,
      failed: 1,
      skipped: 0,
      notes: ['counts stars\n\n\u001b[31mexpected 3\u001b[0m']
    };
    expect(
      tableOf([
        { name: 'set-up', result: nothing(), ms: 600 },
        { name: 'units', result, ms: 90_000 },
        { name: 'kubernetes', result: skip('it needs root'), ms: 0 }
      ])
    ).toBe(
      [
        'part        minutes  passed  failed  skipped',
        'set-up          0.0',
        'units           1.5      12       1        0',
        'kubernetes      0.0       0       0        1',
        '',
        'units: counts stars',
        '    expected 3',
        'kubernetes: skipped: it needs root'
      ].join('\n')
    );
  });
});

describe('A report', () => {
  const directory = mkdtempSync(join(tmpdir(), 'aglais-reports-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const file = (text: string) => {
    const path = join(directory, 'report');
    writeFileSync(path, text);
    return path;
  };

  it('of Jest counts a file that could not be run as failed', () => {
    const report = {
      ...{ numPassedTests: 1, numFailedTests: 1, numPendingTests: 1, numTodoTests: 0 },
      testResults: [
        {
          ...{ name: 'a.test.ts', status: 'failed' },
          assertionResults: [
            { status: 'passed', fullName: 'is fine' },
            { status: 'failed', fullName: 'is not', failureMessages: ['2 is not 1'] }
          ]
        },
        { name: 'b.test.ts', status: 'failed', message: 'no such file', assertionResults: [] }
      ]
    };
    expect(jestResult(file(JSON.stringify(report)), 1)).toEqual({
      ...{ passed: 1, failed: 2, skipped: 1 },
      notes: ['b.test.ts could not be run\nno such file', 'is not\n2 is not 1']
    });
  });

  it('of pytest names failures', () => {
    const xml =
      '<testsuites><testsuite name="pytest" errors="0" failures="1" skipped="1" tests="3" time="1">' +
      '<testcase classname="t" name="test_a" time="0.1" />' +
      '<testcase classname="t" name="test_b" time="0.1"><failure message="1 &lt; 2">…</failure></testcase>' +
      '<testcase classname="t" name="test_c" time="0"><skipped>why</skipped></testcase></testsuite></testsuites>';
    expect(pytestResult(file(xml), 1)).toEqual({
      ...{ passed: 1, failed: 1, skipped: 1 },
      notes: ['test_b\n1 < 2']
    });
  });

  it('of Playwright counts what passed only at the second attempt as failed', () => {
    const report = {
      stats: { expected: 4, unexpected: 0, flaky: 1, skipped: 0 },
      suites: [
        {
          suites: [
            {
              specs: [
                {
                  title: 'opens',
                  ok: false,
                  tests: [{ results: [{ error: { message: 'hidden' } }, {}] }]
                }
              ]
            }
          ]
        }
      ],
      errors: []
    };
    expect(playwrightResult(file(JSON.stringify(report)), 0)).toMatchObject({
      ...{ passed: 4, failed: 1, notes: ['opens\nhidden'] }
    });
  });

  it('does not hide that its program failed', () => {
    const fine = {
      stats: { expected: 4, unexpected: 0, flaky: 0, skipped: 0 },
      suites: [],
      errors: []
    };
    expect(playwrightResult(file(JSON.stringify(fine)), 1).failed).toBe(1);
    expect(jestResult(join(directory, 'missing'), 1).failed).toBe(1);
  });
});

describe('The Kubernetes for tests', () => {
  it('is that of AGLAIS_KUBECONFIG', () => {
    expect(namedKubernetes({ AGLAIS_KUBECONFIG: '/k' })).toEqual({ facts: {}, reason: null });
  });

  it('is that of KUBECONFIG only if images for it are configured', () => {
    const { facts, reason } = namedKubernetes({ KUBECONFIG: '/work', AGLAIS_SPARK_IMAGE: 'spark' });
    expect(facts).toBeNull();
    expect(reason).toMatch(/AGLAIS_PROBE_IMAGE/);
    const images = { AGLAIS_SPARK_IMAGE: 'spark', AGLAIS_PROBE_IMAGE: 'probe' };
    expect(namedKubernetes({ KUBECONFIG: '/work:/home', ...images }).facts).toEqual({
      AGLAIS_KUBECONFIG: '/work'
    });
  });

  it('is none without a configuration', () => {
    expect(namedKubernetes({})).toEqual({ facts: null, reason: null });
  });
});

describe('A test file', () => {
  const folder = join(import.meta.dirname, '..', '..', 'server', 'test');
  const files = readdirSync(folder).filter(name => name.endsWith('.test.ts'));
  /** Modules that start a real Spark on this machine. */
  const SPARK = /from '\.\/(support\/connect|api\.contract|launcher\.contract)\.js'/;

  it('that starts a real Spark has it in its name', () => {
    const unnamed = files.filter(
      name =>
        !name.endsWith('.spark.test.ts') && SPARK.test(readFileSync(join(folder, name), 'utf8'))
    );
    expect(unnamed).toEqual([]);
  });
});
