import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  executorLimitMiB,
  formatCellTag,
  KernelReport,
  openApiDocument,
  parseCellTags,
  Problem,
  Shape,
  Share,
  shapeTotalMiB
} from '../src/index.js';

const SESSION = '9712a92c-45bb-4838-90b6-f7396da5f68e';
const wrapped = (tag: string, user = '') =>
  `SparkConnect_SessionTag_User_${user}_Session_${SESSION}_Tag_${tag}`;
const operation = `SparkConnect_OperationTag_User__Session_${SESSION}_Operation_${SESSION}`;

describe('The tag of a cell', () => {
  it('is parsed, alone and as Spark Connect wraps it', () => {
    const cellId = fc.stringMatching(/^[a-zA-Z0-9-_]{1,64}$/);
    fc.assert(
      fc.property(cellId, fc.nat(), fc.stringMatching(/^[a-z_0-9]{0,12}$/), (cell, run, user) => {
        const tag = formatCellTag(cell, run);
        expect(tag).not.toContain(',');
        expect(parseCellTags(tag)).toEqual({ cell, run });
        expect(parseCellTags(`${operation},${wrapped(tag, user)}`)).toEqual({ cell, run });
      })
    );
  });

  it('takes precedence over tags that users have set', () => {
    const tags = [wrapped('mine'), operation, wrapped('aglais-cell:7:abc'), wrapped('yours')];
    expect(parseCellTags(tags.join(','))).toEqual({ cell: 'abc', run: 7 });
  });

  it('may be a single tag of a user, without a known run', () => {
    expect(parseCellTags(`${operation},${wrapped('step 1')}`)).toEqual({
      cell: 'step 1',
      run: null
    });
    expect(parseCellTags('plain')).toEqual({ cell: 'plain', run: null });
  });

  it('is not guessed from several tags, nor from those that Spark sets', () => {
    expect(parseCellTags('one,two')).toBeNull();
    expect(parseCellTags(operation)).toBeNull();
    expect(parseCellTags(`spark-session-${SESSION}-thread-1`)).toBeNull();
    for (const nothing of [null, undefined, '', ',']) expect(parseCellTags(nothing)).toBeNull();
  });

  it('needs a numeric run, and a cell', () => {
    expect(parseCellTags('aglais-cell:x:abc')).toEqual({ cell: 'aglais-cell:x:abc', run: null });
    expect(parseCellTags('aglais-cell:1:')).toEqual({ cell: 'aglais-cell:1:', run: null });
  });
});

describe('A shape', () => {
  const shape: Shape = {
    driverMemoryMiB: 1_024,
    executors: { min: 1, max: 3 },
    executorMemoryMiB: 512,
    executorOverheadMiB: 384,
    executorCores: 2
  };

  it('includes heap and overhead of an executor, and the maximum number of executors', () => {
    expect(executorLimitMiB(shape)).toBe(896);
    expect(shapeTotalMiB(shape)).toBe(1_024 + 256 + 3 * 896);
  });

  it.each([
    ['less heap than Spark runs with', { executorMemoryMiB: 255 }],
    ['half a MiB', { executorMemoryMiB: 512.5 }],
    ['no core', { executorCores: 0 }],
    ['more executors at least than at most', { executors: { min: 4, max: 3 } }],
    ['no executors', { executors: { min: 0, max: 0 } }],
    ['a field that nobody knows', { gpus: 1 }],
    ['memory beyond all machines', { driverMemoryMiB: 2 ** 40 }]
  ])('with %s is invalid', (_what, change) => {
    expect(Shape.safeParse(shape).success).toBe(true);
    expect(Shape.safeParse({ ...shape, ...change }).success).toBe(false);
  });
});

describe('A share', () => {
  const share = {
    ...{ id: 'sky', title: 't', description: 'd', path: 'p', credit: 'c', provenance: 'p' },
    tables: [{ name: 'stars', path: 'stars', format: 'parquet', description: 'd' }]
  };

  it('requires only the locations of its tables', () => {
    expect(Share.parse(share).tables[0]).toMatchObject({
      columns: [],
      checksums: {},
      partitionedBy: []
    });
  });

  it.each(['Sky', '1st', 'a-b', 'a b', 'a`b', '', 'ä'])('cannot be named %j', id => {
    expect(Share.safeParse({ ...share, id }).success).toBe(false);
    expect(Share.safeParse({ ...share, tables: [{ ...share.tables[0], name: id }] }).success).toBe(
      false
    );
  });

  it('has at least one table', () => {
    expect(Share.safeParse({ ...share, tables: [] }).success).toBe(false);
  });
});

describe('The OpenAPI document', () => {
  const document = openApiDocument('1.2.3');

  it('has version 3.1 and names the server', () => {
    expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } });
  });

  it('has no dangling references', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(
      m => m[1]!
    );
    expect(references.length).toBeGreaterThan(10);
    for (const reference of references) {
      const found = reference
        .split('/')
        .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
      expect([reference, found]).toEqual([reference, expect.anything()]);
    }
  });

  it('declares every parameter of a path', () => {
    for (const [path, item] of Object.entries(document.paths ?? {})) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(m => m[1]);
      for (const operation of Object.values(item as Record<string, { parameters?: object[] }>)) {
        const declared = (operation.parameters ?? []) as { in: string; name: string }[];
        expect(declared.filter(p => p.in === 'path').map(p => p.name)).toEqual(named);
      }
    }
  });
});

describe('A problem', () => {
  it('may have extension members, as RFC 9457 allows', () => {
    const problem = { type: 'urn:x', title: 't', status: 409, detail: 'd', more: 1 };
    expect(Problem.parse(problem)).toEqual(problem);
  });
});

describe('A report of kernels', () => {
  it('has a limited size', () => {
    const kernels = Array.from({ length: 10_001 }, (_, n) => ({ id: `${n}`, notebook: '' }));
    expect(KernelReport.safeParse({ kernels }).success).toBe(false);
    expect(KernelReport.safeParse({ kernels: kernels.slice(1) }).success).toBe(true);
  });
});
