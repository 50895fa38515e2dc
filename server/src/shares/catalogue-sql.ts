import { join } from 'node:path';
import type { Share, ShareTable } from '@aglais/protocol';

const name = (identifier: string) => `\`${identifier.replaceAll('`', '``')}\``;
const text = (value: string) =>
  `'${value.replace(/['\\]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r')}'`;
/** Statements are read line by line. */
const oneLine = (statement: string) => statement.replace(/[\n\r]+/g, ' ');

/** Statements, one per line, that register the tables of a share in Spark: `spark.table("<share>.<table>")`. */
export function catalogueSql(share: Share): string[] {
  return [
    `CREATE DATABASE IF NOT EXISTS ${name(share.id)} COMMENT ${text(share.title)}`,
    ...share.tables.map(table => tableSql(share, table))
  ];
}

/**
 * Partitions are omitted: Spark discovers them in the directories. It could infer the columns, too, but with a job that
 * delays the start, so they are declared if their types are known.
 */
function tableSql(share: Share, table: ShareTable): string {
  const full = `${name(share.id)}.${name(table.name)}`;
  const location = text(locationOf(share.path, table.path));
  const { bucketing } = table;
  const clauses = [
    `CREATE TABLE IF NOT EXISTS ${full}${columns(table)} USING ${table.format}`,
    bucketing &&
      `CLUSTERED BY (${bucketing.columns.map(name).join(', ')}) ` +
        (bucketing.sortedBy.length > 0
          ? `SORTED BY (${bucketing.sortedBy.map(name).join(', ')}) `
          : '') +
        `INTO ${bucketing.buckets} BUCKETS`,
    `COMMENT ${text(table.description)}`,
    `LOCATION ${location}`
  ].filter(Boolean);
  return oneLine(clauses.join(' '));
}

/** Of a path or of a URI, for example `s3a://bucket/gaia`. */
function locationOf(share: string, table: string): string {
  const scheme = /^[a-z0-9+.-]+:\/\//.exec(share)?.[0] ?? '';
  return scheme + join(share.slice(scheme.length), table);
}

function columns(table: ShareTable): string {
  if (table.columns.length === 0 || table.columns.some(column => !column.type)) return '';
  const typed = table.columns.map(({ name: column, type, description }) =>
    [name(column), type, description && `COMMENT ${text(description)}`].filter(Boolean).join(' ')
  );
  return ` (${typed.join(', ')})`;
}
