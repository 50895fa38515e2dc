import type { Finding } from '@aglais/protocol';
import { describe, expect, it } from '@jest/globals';
import { head } from '../src/runs/notebook.js';
import { escaped, pageOf, type PageRun } from '../src/runs/page.js';
import { sameTexts } from '../src/runs/ask-command.js';

const found = (more: Partial<Finding> = {}): Finding => ({
  id: 'skew:job:1',
  code: 'skew',
  severity: 'warning',
  confidence: 'likely',
  title: 'One task took long',
  explanation: 'It read most.',
  subject: {},
  evidence: [],
  effects: [],
  advice: [{ action: 'set', conf: { 'spark.x': '1' }, sentence: 'Set it.' }],
  firstSeen: 0,
  lastSeen: 0,
  count: 1,
  ...more
});
const run = (more: Partial<PageRun> = {}): PageRun => ({
  name: 'a-run',
  happened: 'A join',
  notebook: [],
  log: 'a-run/log',
  evidence: [{ option: 'pods', path: 'a-run/pods.json' }],
  result: { alone: [found()], withEvidence: null, decisive: [] },
  ...more
});
const row = (more: Partial<PageRun>): string =>
  pageOf([run(more)])
    .split('\n')
    .find(line => line.startsWith('| `a-run`'))!;

describe('The page of recorded runs', () => {
  it('shows what happened, the exceptions in the notebook, and the findings', () => {
    expect(row({})).toBe(
      '| `a-run` | A join | nothing | **One task took long** (`skew`, warning, likely) |'
    );
  });

  it('says that there are no problems, and has no section for such a run', () => {
    const healthy = run({ result: { alone: [], withEvidence: null, decisive: [] } });
    expect(pageOf([healthy])).toContain('| no problems |');
    expect(pageOf([healthy])).not.toContain('### a-run');
  });

  it('shows the effect of additional evidence, and its options', () => {
    const withEvidence = [found({ confidence: 'certain' })];
    const result = { alone: [found()], withEvidence, decisive: ['pods'] };
    expect(row({ result })).toMatch(/likely\)<br>_with --pods:_ .*certain\) \|$/);
    expect(pageOf([run({ result })])).toContain(
      '`aglais diagnose a-run/log --pods a-run/pods.json`'
    );
  });

  it('escapes exceptions in a table cell', () => {
    expect(row({ notebook: ['E: a | b\n<c> `d`'] })).toContain('| E: a \\| b \\<c\\> \\`d\\` |');
    expect(escaped('x_y')).toBe('x\\_y');
  });
});

describe('The result in the notebook', () => {
  it('is an exception without the Java stack trace', () => {
    expect(head('Job aborted\nReason: x\n\tat org.a.B.c(B.scala:1)\n\tat d')).toBe(
      'Job aborted Reason: x'
    );
    expect(head('Job aborted\nDriver stacktrace:\n')).toBe('Job aborted');
  });

  it('is only the exception if a client printed more', () => {
    expect(head('after 4 s\n----- str(e)\nJob aborted')).toBe('Job aborted');
  });
});

describe('Two reports', () => {
  it('are equal if only their references differ', () => {
    const evidence: Finding['evidence'] = [{ source: 'log', at: 1, quote: 'q', ref: 'r' }];
    expect(sameTexts([found()], [found({ evidence })])).toBe(true);
    expect(sameTexts([found()], [found({ confidence: 'certain' })])).toBe(false);
    expect(sameTexts([found()], [])).toBe(false);
  });
});
