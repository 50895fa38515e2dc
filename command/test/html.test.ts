import { Buffer } from 'node:buffer';
import type { Finding, Timeline } from '@aglais/protocol';
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { position, ticks } from '../src/html/time-axis.js';
import { lanesOf, spanOf } from '../src/html/timeline-lanes.js';
import { html } from '../src/html/escaped-html.js';
import { HtmlWriter } from '../src/html/writer.js';
import { evidence, finding, report, START } from './reports.js';

jest.setTimeout(30_000);

/** Markup, and letters of three bytes each. */
const HOSTILE = `星"><img src=x onerror=alert(1)>'</style></title><script>alert(1)</script>&amp;`;

async function pageOf(reports: ReturnType<typeof report>[], many = reports.length > 1) {
  let text = '';
  const write = (piece: string): Promise<void> => {
    text += piece;
    return Promise.resolve();
  };
  const writer = new HtmlWriter(write, { many });
  for (const one of reports) await writer.add(one);
  await writer.end([{ path: HOSTILE, message: HOSTILE }]);
  return text;
}

function timeline(about: Partial<Timeline>): ReturnType<typeof report>['resources'] {
  const { resources } = report();
  return { ...resources, timeline: { ...resources.timeline, ...about } };
}

const job = (
  id: number,
  from: number,
  to: number,
  result: 'succeeded' | 'failed' = 'succeeded'
) => ({
  ...{ id, scope: 'application', description: HOSTILE, result },
  ...{ startedAt: START + from, endedAt: START + to }
});
const executor = (id: string, removedAt: number | null, killed = false) => ({
  ...{ id, host: HOSTILE, addedAt: START, reason: HOSTILE, killed },
  removedAt: removedAt === null ? null : START + removedAt
});

const hostileFinding = finding({
  ...{ title: HOSTILE, explanation: HOSTILE, effects: [HOSTILE] },
  subject: { executors: [HOSTILE], cell: HOSTILE, pod: HOSTILE },
  evidence: [evidence({ quote: HOSTILE, ref: HOSTILE })],
  advice: [{ action: 'set', conf: { [HOSTILE]: HOSTILE }, sentence: HOSTILE }]
});
const hostile = report({
  ...{ name: HOSTILE, id: HOSTILE, sparkVersion: HOSTILE, files: [HOSTILE] },
  findings: [hostileFinding],
  ...{ problems: [{ file: HOSTILE, line: 1, message: HOSTILE }], problemCount: 1 },
  resources: timeline({
    jobs: [job(1, 0, 9)],
    stages: [
      {
        ...{ id: 1, attempt: 1, name: HOSTILE, scope: HOSTILE, failed: true, tasks: 1 },
        ...{ startedAt: START, endedAt: START + 9 }
      }
    ],
    executors: [executor(HOSTILE, 9, true)]
  })
});

describe('HTML', () => {
  it('escapes inserted values, never pieces of HTML', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        const { text: piece } = html`<a title="${text}">${text}</a>`;
        expect(piece.match(/[<>]/g)).toHaveLength(4);
        expect(piece.match(/"/g)).toHaveLength(2);
      })
    );
    expect(html`${'<'}${html`<b>!</b>`}${[1, null, '&']}`.text).toBe('&lt;<b>!</b>1&amp;');
  });
});

describe('The page', () => {
  it('turns no text from a log into markup, wherever it is inserted', async () => {
    for (const page of [await pageOf([hostile]), await pageOf([hostile, hostile])]) {
      expect(page).not.toMatch(/<(img|script)/i);
      expect(page.match(/<\/style>/g)).toHaveLength(1);
      expect(page.match(/<\/title><style|<\/title>\s*<style/g)).toHaveLength(1);
      expect(page.split('&lt;img').length).toBeGreaterThan(15);
    }
  });

  it('loads no resources and runs no scripts', async () => {
    const page = await pageOf([hostile]);
    expect(page).toContain(`default-src 'none'`);
    expect(page.replaceAll(/&lt;.*?&gt;/g, '')).not.toMatch(
      /https?:|\bsrc=|url\(|@import|<link|<iframe|<object|javascript:|\son\w+="/i
    );
  });

  it('stays small, however many findings there are', async () => {
    const many = Array.from({ length: 600 }, (_, index) =>
      finding({
        ...hostileFinding,
        id: `${index}`,
        explanation: HOSTILE.repeat(20),
        evidence: Array.from({ length: 50 }, () => evidence({ quote: HOSTILE.repeat(100) }))
      })
    );
    const large = report({
      findings: many,
      problems: Array.from({ length: 100 }, () => ({
        ...{ file: 'log', line: 1 },
        message: HOSTILE.repeat(100)
      })),
      problemCount: 1e6,
      resources: timeline({
        jobs: Array.from({ length: 3_000 }, (_, id) => job(id, id, id + 5)),
        executors: Array.from({ length: 3_000 }, (_, id) => executor(`${id}`, id, id % 2 === 0))
      })
    });
    expect(Buffer.byteLength(await pageOf([large]))).toBeLessThan(1_000_000);
    const fine = Array.from({ length: 800 }, (_, id) => report({ id: `app-${id}`, name: HOSTILE }));
    const all = await pageOf([...fine, large, large, large]);
    expect(Buffer.byteLength(all)).toBeLessThan(1_000_000);
    expect(all).toContain('id="application-1"');
  });

  it('of several applications links the table to those with findings', async () => {
    const page = await pageOf([
      report({ id: 'fine' }),
      report({ id: 'bad', findings: [finding()] })
    ]);
    expect(page).toMatch(/<a href="#application-1">bad<\/a>/);
    expect(page).not.toMatch(/<a[^>]*>fine/);
  });

  it('numbers the cards like the flags of the timeline', async () => {
    const page = await pageOf([
      report({
        findings: [finding({ id: 'a', title: 'First' }), finding({ id: 'b', title: 'Second' })],
        resources: timeline({ jobs: [job(1, 0, 9_000)] })
      })
    ]);
    for (const number of [1, 2]) {
      expect(page).toContain(`id="finding-${number}"`);
      expect(page).toContain(`href="#finding-${number}"`);
    }
  });
});

describe('The tables', () => {
  const kept = { partitions: 4, memoryPartitions: 4, memoryMiB: 143, diskMiB: 0 };
  const table = {
    ...{ rdd: 11, name: HOSTILE, level: 'MEMORY_ONLY', partitions: 12, unpersisted: false },
    ...{ now: { ...kept, partitions: 0 }, most: kept, executors: [], recomputed: 16 }
  };

  it('show how much of a cached table was stored at most, and omit unknown columns', async () => {
    const { resources } = report();
    const page = await pageOf([report({ resources: { ...resources, tables: [table] } })]);
    expect(page).toMatch(/4 of 12/);
    expect(page).toMatch(/143 MiB/);
    expect(page).not.toContain('On disk');
    expect(page).not.toContain('Memory and work');
    const unknown = { ...table, now: null, most: null };
    expect(
      await pageOf([report({ resources: { ...resources, tables: [unknown] } })])
    ).not.toContain('In memory');
  });
});

describe('The timeline', () => {
  const lanes = (about: Partial<Timeline>, findings: Finding[] = []) => {
    const all = report({ findings, resources: timeline(about) });
    return lanesOf(all, spanOf(all)!);
  };

  it('shows of many jobs the failed and the longest ones, in order, and counts the others', () => {
    const jobs = [
      ...Array.from({ length: 100 }, (_, id) => job(id, 10 * id, 10 * id + (id === 50 ? 900 : 1))),
      job(100, 5, 6, 'failed')
    ];
    const { rows, note } = lanes({ jobs })[0]!;
    expect(rows).toHaveLength(40);
    expect(rows.map(({ label }) => label)).toEqual(
      expect.arrayContaining(['Job 50', 'Job 100', 'Job 0'])
    );
    expect(rows[1]!.label).toBe('Job 100');
    expect(note).toMatch(/^61 more jobs/);
  });

  it('marks executors: killed, lost with a finding, or removed normally', () => {
    const executors = [
      executor('1', 9, true),
      executor('2', 9),
      executor('3', 9),
      executor('4', 9),
      executor('5', null)
    ];
    const found = [
      finding({ code: 'executor-oom-killed', subject: { executors: ['2'] } }),
      finding({ code: 'executor-heap-oom', subject: { executors: ['3'] } }),
      finding({ code: 'skew', subject: { executors: ['4'] } })
    ];
    const { rows } = lanes({ executors }, found).at(-1)!;
    const marks = new Map(rows.map(({ label, marks: [mark] }) => [label, mark?.kind]));
    expect(Object.fromEntries(marks)).toEqual({
      ...{ 'Executor 1': 'killed', 'Executor 2': 'killed', 'Executor 3': 'lost' },
      ...{ 'Executor 4': 'gone', 'Executor 5': undefined }
    });
  });

  it('starts and ends with the known times, and is not drawn without any', () => {
    const jobs = [job(1, -5_000, 90_000)];
    expect(spanOf(report({ resources: timeline({ jobs }) }))).toEqual({
      from: START - 5_000,
      to: START + 90_000
    });
    expect(spanOf(report({ startedAt: null, endedAt: null }))).toBeNull();
  });

  it('has a few ticks at round times, in order, inside, for any range', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4e12 }),
        fc.integer({ min: 1, max: 1e12 }),
        (from, ms) => {
          const span = { from, to: from + ms };
          const found = ticks(span);
          expect(found.length).toBeLessThanOrEqual(8);
          for (const [index, { at, x }] of found.entries()) {
            expect(at).toBeGreaterThanOrEqual(span.from);
            expect(at).toBeLessThanOrEqual(span.to);
            expect(x).toBe(position(at, span));
            if (index > 0) expect(at).toBeGreaterThan(found[index - 1]!.at);
          }
        }
      )
    );
    const minute = { from: START, to: START + 60_000 };
    expect(ticks(minute).map(({ at }) => (at - START) / 1000)).toEqual([0, 10, 20, 30, 40, 50, 60]);
  });

  it('keeps everything inside its width', () => {
    const span = { from: 100, to: 200 };
    expect([0, 100, 150, 200, 999].map(at => position(at, span))).toEqual([0, 0, 50, 100, 100]);
    expect(position(5, { from: 5, to: 5 })).toBe(0);
  });
});
