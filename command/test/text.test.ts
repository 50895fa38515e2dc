import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { firstLines, oneLine, printable, shortened } from '../src/printable.js';
import { summaryRow } from '../src/summary-rows.js';
import { applicationText } from '../src/text/application.js';
import { fitted, paragraph, table } from '../src/text/layout.js';
import { paint, wantsColor } from '../src/text/paint.js';
import { summaryText } from '../src/text/summary.js';
import {
  noProblemsText,
  dayAndTime,
  mostRelevant,
  timeOfDay,
  zone
} from '../src/report-messages.js';
import { evidence, finding, report, START } from './reports.js';

jest.setTimeout(30_000);

const page = { width: 60, tableWidth: 60, paint: paint(false) };
const then = timeOfDay(START + 20_000);
// eslint-disable-next-line no-control-regex
const COMMANDS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

describe('Text output', () => {
  it('reports in one sentence that there are no problems', () => {
    expect(applicationText(report(), page)).toBe(
      `Star map\napp-1 · Spark 4.3.0 · ${dayAndTime(START)} ${zone(START)} · 60 s\n\n` +
        'No problems found in 60 s of log.\n'
    );
  });

  it('adds that the end of the application cancelled a job', () => {
    const calm = report();
    const job = { id: 7, scope: 'job:7', description: null, startedAt: START };
    calm.resources.timeline.jobs = [{ ...job, endedAt: START + 50_000, result: 'shutdown' }];
    expect(noProblemsText(calm)).toBe(
      'No problems found in 60 s of log. ' +
        '1 job was still running when the application ended, after 50 s.'
    );
  });

  it("quotes direct observations before Spark's reports, and each text once", () => {
    const heard = (at: number) => evidence({ quote: 'exited with code 137', at });
    const seen = evidence({ source: 'cgroup', quote: 'oom_kill 1', at: START + 9 });
    const other = evidence({ quote: 'another word of Spark', at: START + 8 });
    const all = [heard(START), heard(START + 1), heard(START + 2), other, seen];
    expect(mostRelevant(all, 3)).toEqual([all[0], other, seen]);
    expect(mostRelevant(all, 9)).toEqual(all);
  });

  it('shows what happened, advice, location and confidence', () => {
    const lost = finding({
      effects: ['3 tasks ran again'],
      cost: { taskMs: 20_000, recomputedTasks: 3, wallMs: 5_000 },
      advice: [
        { action: 'set', conf: { 'spark.a': '2g' }, sentence: 'Give it 2 GiB instead of 1 GiB.' }
      ]
    });
    expect(applicationText(report({ findings: [lost] }), page)).toBe(
      [
        'Star map',
        `app-1 · Spark 4.3.0 · ${dayAndTime(START)} ${zone(START)} · 60 s`,
        '',
        '1 warning, most severe first:',
        '',
        'Warning  Executor 1 went away',
        '  The job succeeded, but executor 1 went away.',
        '  - 3 tasks ran again',
        '',
        '  > Give it 2 GiB instead of 1 GiB.',
        '      spark.a=2g',
        '',
        '  Cost: 3 tasks ran again, 20 s of task time lost, delayed',
        '  by about 5 s.',
        '  Where: executor 1',
        `  Seen: ${then}; directly observed`,
        '  | Command exited with code 1',
        `    Spark event log, ${then}, app-1:17`,
        ''
      ].join('\n')
    );
  });

  it('reports what could not be read, and that a log is incomplete', () => {
    const problems = [{ file: 'log', line: 7, message: 'not JSON' }];
    const text = applicationText(report({ complete: false, problems, problemCount: 12 }), page);
    expect(text).toContain('The event log is incomplete');
    expect(text).toContain(
      '12 lines could not be read; the rest of the log was.\n  log:7: not JSON'
    );
  });

  it('is never wider than the terminal', () => {
    const words = fc.string({ unit: 'grapheme', maxLength: 200 });
    fc.assert(
      fc.property(words, words, fc.integer({ min: 40, max: 120 }), (title, quote, width) => {
        const long = finding({ title, explanation: quote, evidence: [evidence({ quote })] });
        const text = applicationText(report({ name: title, findings: [long] }), {
          ...page,
          width
        });
        for (const line of text.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(width);
      })
    );
  });

  it('contains no terminal control sequences from a log', () => {
    const hostile = '\u001b]0;owned\u0007\u001b[31mred\u009b2J\u202eback\u0000';
    const bad = finding({
      title: hostile,
      explanation: hostile,
      effects: [hostile],
      subject: { executors: [hostile], cell: hostile, pod: hostile },
      evidence: [evidence({ quote: hostile, ref: hostile })],
      advice: [{ action: 'set', conf: { [hostile]: hostile }, sentence: hostile }]
    });
    const all = report({
      ...{ name: hostile, id: hostile, sparkVersion: hostile, findings: [bad] },
      ...{ problems: [{ file: hostile, line: 1, message: hostile }], problemCount: 1 }
    });
    expect(applicationText(all, page)).toContain('red');
    expect(applicationText(all, page)).not.toMatch(COMMANDS);
    expect(summaryText([summaryRow(all)], page)).not.toMatch(COMMANDS);
  });
});

describe('Printable text', () => {
  it('has no control characters, whatever the input', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        expect(printable(text)).not.toMatch(COMMANDS);
        expect(oneLine(text)).not.toMatch(/[\r\n\t]/);
      })
    );
  });

  it('truncates quotes with an ellipsis', () => {
    expect(firstLines('a\n\nb\nc\nd', 3, 10)).toEqual(['a', 'b', 'c …']);
    expect(firstLines('a\nb', 3, 10)).toEqual(['a', 'b']);
    expect(shortened('abcdef', 4)).toBe('abc…');
    expect(shortened('abcd', 4)).toBe('abcd');
    expect(shortened('🌟🌟', 2)).toBe('🌟🌟');
  });
});

describe('A table', () => {
  const columns = [{ title: 'A' }, { title: 'B', right: true }, { title: 'C', least: 4 }];

  it('aligns columns, also with wide characters', () => {
    expect(
      table(
        columns,
        [
          ['星図', '1', 'x'],
          ['a', '22', 'y']
        ],
        80
      )
    ).toBe(['A      B  C', '星図   1  x', 'a     22  y'].join('\n'));
  });

  it('truncates columns to fit', () => {
    expect(table(columns, [['aaa', '1', 'a long story']], 16)).toBe('A    B  C\naaa  1  a long …');
    expect(table(columns, [['aaa', '1', 'a long story']], 5)).toBe('A    B  C\naaa  1  a l…');
  });

  it('of applications starts with the most severe, then the latest', () => {
    const rows = [
      report({ id: 'fine' }),
      report({ id: 'old', findings: [finding({ severity: 'error' })], startedAt: 1 }),
      report({ id: 'warned', findings: [finding()] }),
      report({ id: 'new', findings: [finding({ severity: 'error' })], startedAt: 2 })
    ].map(summaryRow);
    const text = summaryText(rows, page);
    expect(text).toMatch(/^4 applications: 2 with errors, 1 with warnings, 1 without problems\.\n/);
    expect(text.match(/^(fine|old|warned|new)/gm)).toEqual(['new', 'old', 'warned', 'fine']);
  });
});

describe('Layout', () => {
  it('indents every line of a paragraph', () => {
    expect(paragraph('one two three four five six', 22, '  ', '> ')).toBe(
      '> one two three four\n  five six'
    );
  });

  it('truncates by columns, not by characters', () => {
    expect(fitted('星図星図', 5)).toBe('星図…');
    expect(fitted('abc', 3)).toBe('abc');
  });
});

describe('Colors', () => {
  it.each([
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
    [{ FORCE_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '0' }, true, false],
    [{ TERM: 'dumb' }, true, false]
  ])('with %j, terminal %p: %p', (environment, terminal, wanted) => {
    expect(wantsColor(environment, terminal)).toBe(wanted);
  });

  it('change nothing but the colors', () => {
    const all = report({ findings: [finding()] });
    const coloured = applicationText(all, { ...page, paint: paint(true) });
    expect(coloured).toContain('\u001b[');
    // eslint-disable-next-line no-control-regex
    expect(coloured.replace(/\u001b\[\d+m/g, '')).toBe(applicationText(all, page));
  });
});
