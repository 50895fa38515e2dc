import { describe, expect, it } from '@jest/globals';
import { Share } from '@aglais/protocol';
import { catalogueSql } from '../src/shares/catalogue-sql.js';

const share = (change: object = {}, table: object = {}): Share =>
  Share.parse({
    id: 'sky',
    title: 'The sky',
    description: 'Stars',
    path: '/data/sky',
    credit: 'ESA',
    provenance: 'Gaia',
    tables: [{ name: 'stars', path: 'stars', format: 'parquet', description: 'All', ...table }],
    ...change
  });

describe('The SQL of a share', () => {
  it('creates a database and its tables, from existing files', () => {
    expect(catalogueSql(share())).toEqual([
      "CREATE DATABASE IF NOT EXISTS `sky` COMMENT 'The sky'",
      "CREATE TABLE IF NOT EXISTS `sky`.`stars` USING parquet COMMENT 'All' LOCATION '/data/sky/stars'"
    ]);
  });

  it('declares buckets and sort order', () => {
    const bucketing = { columns: ['source_id'], buckets: 64, sortedBy: ['source_id'] };
    expect(catalogueSql(share({}, { bucketing }))[1]).toContain(
      'CLUSTERED BY (`source_id`) SORTED BY (`source_id`) INTO 64 BUCKETS'
    );
  });

  it('declares columns only if the types of all are known', () => {
    const ra = { name: 'ra', type: 'double', description: 'Right ascension' };
    expect(catalogueSql(share({}, { columns: [ra] }))[1]).toContain(
      "(`ra` double COMMENT 'Right ascension') USING"
    );
    expect(catalogueSql(share({}, { columns: [ra, { name: 'dec' }] }))[1]).toContain(
      '`stars` USING'
    );
  });

  it('quotes names, titles and paths safely', () => {
    const bad = "'; DROP TABLE x; --\\";
    const sql = catalogueSql(
      share(
        { title: bad, path: `/data/${bad}` },
        { description: bad, columns: [{ name: 'a`b', type: 'int', description: bad }] }
      )
    ).join('\n');
    expect(sql).toContain('`a``b`');
    // Removing the quoted parts must remove all of it.
    const outside = sql.replace(/'(?:[^'\\]|\\.)*'/g, '').replace(/`(?:[^`]|``)*`/g, '');
    expect(outside).not.toMatch(/DROP|--|['\\]/);
  });

  it('preserves spaces in a path', () => {
    expect(catalogueSql(share({ path: '/my  data\t1' }))[1]).toContain("'/my  data\t1/stars'");
  });

  it('has one line per statement, whatever line breaks the declaration has', () => {
    const sql = catalogueSql(
      share(
        { title: 'two\nlines', path: '/a\r\nb' },
        { description: 'a\n\nb', columns: [{ name: 'x\ny', type: 'int\n', description: 'c\rd' }] }
      )
    );
    expect(sql).toHaveLength(2);
    for (const statement of sql) expect(statement).not.toMatch(/[\n\r]/);
    expect(sql[0]).toContain("'two\\nlines'");
  });
});
