import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { OMITTED_FIELDS, WANTED } from '../src/eventlog/omitted-fields.js';
import { Expected, Place } from '../src/eventlog/expected-bytes.js';
import { readEvent, readsEvent } from '../src/eventlog/read-event.js';
import { parseEvent } from '../src/index.js';
import { largeCorpus, linesOfFile, smallCorpus } from './recorded-runs.js';

/** Lines with everything that Spark writes; those of the small corpus are shortened. */
const PACKED = join(import.meta.dirname, 'logs', 'app.gz');

const quick = (line: string): unknown => readEvent(parseEvent(Buffer.from(line)));
const whole = (line: string): unknown => readEvent(JSON.parse(line));

describe('the fast parsing of an event', () => {
  for (const { name, path } of [...smallCorpus, ...largeCorpus]) {
    it(`equals full parsing for every line of ${name}`, () => {
      for (const line of linesOfFile(path)) expect(quick(line)).toEqual(whole(line));
    });
  }

  it('skips more than half of what Spark writes about a task', () => {
    let written = 0;
    let parsed = 0;
    for (const line of gunzipSync(readFileSync(PACKED)).toString('utf8').split('\n')) {
      if (!line.includes('"SparkListenerTaskEnd"')) continue;
      written += line.length;
      parsed += JSON.stringify(parseEvent(Buffer.from(line))).length;
    }
    expect(written).toBeGreaterThan(0);
    expect(parsed).toBeLessThan(written / 2);
  });

  it('parses a plan only if its scans count the files that they read', () => {
    const plan = (metric: string): string =>
      JSON.stringify({
        Event: 'org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart',
        executionId: 3,
        physicalPlanDescription: 'long',
        sparkPlanInfo: {
          nodeName: 'WholeStageCodegen',
          children: [
            { nodeName: 'Scan', children: [], metrics: [{ name: metric, accumulatorId: 70 }] }
          ]
        }
      });
    const reads = plan('number of files read');
    expect(quick(reads)).toEqual(whole(reads));
    expect(quick(reads)).toMatchObject({ type: 'sql-start', files: { counts: [70] } });
    expect(parseEvent(Buffer.from(plan('number of output rows')))).not.toHaveProperty(
      'sparkPlanInfo.children'
    );
  });

  const bulkyKeys = [...new Set(Object.values(OMITTED_FIELDS).flat())];
  const nasty = fc.constantFrom(
    '"Accumulables":[',
    ',"Accumulables":[]}',
    '\\"Accumulables":[{',
    '"Details":"',
    '\\',
    '\\\\',
    '"',
    '}]},"Task Metrics":{',
    ']',
    '[',
    '{"Event":"SparkListenerTaskEnd"',
    'é😀\u2028',
    'a],"b'
  );
  const words = fc
    .array(fc.oneof(nasty, fc.string({ maxLength: 6 }), fc.constantFrom(...bulkyKeys)), {
      maxLength: 4
    })
    .map(parts => parts.join(''));
  const keys = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...bulkyKeys) },
    {
      weight: 4,
      arbitrary: fc.constantFrom('Task Info', 'Stage Info', 'Stage ID', 'Task ID', 'Reason', 'Name')
    },
    { weight: 1, arbitrary: words }
  );
  const value: fc.Arbitrary<unknown> = fc.letrec(tie => ({
    value: fc.oneof(
      { depthSize: 'small' },
      words,
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.array(fc.tuple(keys, tie('value')), { maxLength: 5 }).map(Object.fromEntries)
    )
  })).value;
  const names = fc.constantFrom(
    ...Object.keys(OMITTED_FIELDS),
    'SparkListenerTaskStart',
    'Other',
    'a"b'
  );

  /** JSON text with the pairs in exactly this order, including duplicate keys. */
  const objectText = (pairs: [string, unknown][], blank: string): string =>
    `{${pairs.map(([key, of]) => `${JSON.stringify(key)}:${blank}${JSON.stringify(of)}`).join(`,${blank}`)}}`;

  const event = fc
    .record({
      name: names,
      tail: fc.array(fc.tuple(keys, value), { maxLength: 6 }),
      info: fc.array(fc.tuple(keys, value), { maxLength: 6 }),
      blank: fc.constantFrom('', '', '', ' ', '\t'),
      first: fc.boolean()
    })
    .map(({ name, tail, info, blank, first }) => {
      const taskInfo = `"Task Info":${objectText([...info, ['Task ID', 7]], blank)}`;
      const rest = [taskInfo, '"Stage ID":3', '"Task End Reason":{"Reason":"Success"}'];
      const eventPair = `"Event":${JSON.stringify(name)}`;
      const others = objectText(tail, blank).slice(1, -1);
      const all = [...rest, ...(others ? [others] : [])];
      return `{${(first ? [eventPair, ...all] : [...all, eventPair]).join(',')}}`;
    });

  it('equals full parsing for any strings and any order of keys', () => {
    fc.assert(
      fc.property(event, line => {
        expect(quick(line)).toEqual(whole(line));
      }),
      { numRuns: 3000 }
    );
  });

  it('equals full parsing for any values, or both report invalid JSON', () => {
    const values = ['0', '-0', '-1', '1.5', '1e3', '-2E-2', '123456789012345', '1234567890123456'];
    const words = [
      'true',
      'false',
      'null',
      '"\\u00e9"',
      '"é"',
      '"\\ud800"',
      '""',
      '[]',
      '{}',
      '[[1],{}]'
    ];
    const wrong = [
      '01',
      '-',
      '1.',
      '.5',
      '+1',
      'nul',
      'True',
      '"\\x"',
      '"\t"',
      '[1,]',
      '{"a"}',
      '',
      'NaN'
    ];
    const result = (read: () => unknown): unknown => {
      try {
        return read();
      } catch (error) {
        return (error as Error).name;
      }
    };
    for (const value of [...values, ...words, ...wrong]) {
      for (const key of ['Launch Time', 'Executor ID', 'Speculative', '__proto__', 'é']) {
        const info = `{"Task ID":1,"${key}":${value}}`;
        const line = `{"Event":"SparkListenerTaskStart","Stage ID":0,"Task Info":${info}}`;
        const parsed = result(() => parseEvent(Buffer.from(line)));
        expect([line, parsed]).toEqual([line, result(() => JSON.parse(line))]);
      }
    }
  });

  it('equals full parsing for invalid UTF-8', () => {
    for (const bytes of [[0xff], [0xef, 0xbf, 0xbd], [0xc3], [0xed, 0xa0, 0x80]]) {
      const key = Buffer.from(bytes);
      const [head, middle, end] = ['{"Event":"SparkListenerTaskStart","', '":"', '"}'].map(text =>
        Buffer.from(text)
      );
      const line = Buffer.concat([head!, key, middle!, key, end!]);
      expect(parseEvent(line)).toEqual(JSON.parse(line.toString('utf8')));
    }
  });

  it('equals full parsing if the name occurs twice', () => {
    const twice = '{"Event":"Other","Stage ID":1,"Event":"SparkListenerApplicationEnd"}';
    expect(quick(twice)).toEqual({ type: 'application-end', at: 0 });
  });

  it('never omits a key that a reader uses, whether the line has it or not', () => {
    const asked = new Set<string>();
    const watched = (value: unknown): unknown =>
      typeof value !== 'object' || value === null
        ? value
        : new Proxy(value, {
            get(target, key) {
              if (typeof key === 'string') asked.add(key);
              return watched(Reflect.get(target, key));
            }
          });
    for (const [name, cut] of Object.entries(OMITTED_FIELDS)) {
      const recorded = [...smallCorpus, ...largeCorpus]
        .flatMap(({ path }) => linesOfFile(path))
        .filter(line => line.startsWith(`{"Event":"${name}"`))
        .map(line => JSON.parse(line) as Record<string, unknown>);
      // Without their metrics, so that the names in other versions of Spark are requested, too.
      const bare = recorded.map(event =>
        JSON.parse(JSON.stringify(event), (_, value) =>
          typeof value === 'number' || typeof value === 'string' ? undefined : value
        )
      );
      asked.clear();
      for (const event of [...recorded, ...bare.map(event => ({ ...event, Event: name }))]) {
        readEvent(watched(event));
      }
      // `WANTED` is read only where it is useful; the plans above cover that.
      const missed = cut.filter(key => asked.has(key) && key !== WANTED.key);
      expect([name, missed]).toEqual([name, []]);
      if (recorded.length > 0) expect(asked).toContain('Event');
    }
  });

  it('detects a line that is truncated anywhere', () => {
    const lines = smallCorpus.flatMap(({ path }) => linesOfFile(path)).filter(l => l.length < 9000);
    fc.assert(
      fc.property(fc.constantFrom(...lines), fc.double({ min: 0, max: 1 }), (line, share) => {
        const part = line.slice(0, Math.floor(share * (line.length - 1)));
        const name = /^\{"Event":"([\w.]+)"/.exec(part)?.[1];
        // In an unused event, a part that ends with a brace looks like a complete line.
        if (name !== undefined && !readsEvent(name) && part.endsWith('}')) {
          expect(parseEvent(Buffer.from(part))).toEqual({ Event: name });
        } else {
          expect(() => parseEvent(Buffer.from(part))).toThrow(SyntaxError);
        }
      }),
      { numRuns: 500 }
    );
  });

  it('equals full parsing when objects repeat, and repeat with one byte changed', () => {
    const figures = fc.dictionary(
      fc.constantFrom('Bytes Read', 'Records Read', 'ID', 'A', 'Peak Execution Memory'),
      fc.oneof(fc.constantFrom(0, 1, 10, 'x', 'yy', 'a longer text'), fc.integer())
    );
    const task = fc.record({ 'Input Metrics': figures, 'Task End Reason': figures, Own: figures });
    fc.assert(
      fc.property(fc.array(task, { minLength: 2, maxLength: 40 }), tasks => {
        // Lines are views of one buffer, as in a chunk of a file: nothing must be read beyond their ends.
        const lines = [...tasks, ...tasks].map(more =>
          JSON.stringify({ Event: 'SparkListenerTaskEnd', ...more })
        );
        const chunk = Buffer.from(lines.join('\n'));
        let at = 0;
        for (const line of lines) {
          const bytes = chunk.subarray(at, (at += Buffer.byteLength(line)));
          at += 1;
          expect(parseEvent(bytes)).toEqual(JSON.parse(line));
        }
      })
    );
  });
});

describe('expected bytes', () => {
  it('are found at their position only', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '"'), maxLength: 90 });
    fc.assert(
      fc.property(text, text, text, (before, expected, after) => {
        const whole = Buffer.from(`#${before}${expected}${after}#`);
        // The line starts and ends inside the buffer.
        const place = new Place();
        place.enter(whole.subarray(1, -1));
        const bytes = new Expected(Buffer.from(expected));
        const line = before + expected + after;
        for (let at = 0; at <= line.length; at += 1) {
          expect(bytes.isAt(place, at)).toBe(line.startsWith(expected, at));
        }
      })
    );
  });
});
