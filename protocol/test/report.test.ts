import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Report, reportJsonSchema } from '../src/index.js';

describe('The published schema of a report', () => {
  it('is up to date; if not: npm run schema -w protocol', () => {
    const file = join(import.meta.dirname, '..', 'report.schema.json');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(reportJsonSchema());
  });

  it('describes a report and its content, and accepts nothing else', () => {
    expect(reportJsonSchema()).toMatchObject({
      $ref: '#/$defs/Report',
      $defs: { ApplicationReport: { type: 'object' }, Finding: { additionalProperties: false } }
    });
    expect(Report.safeParse({ version: 1, applications: [], unread: [] }).success).toBe(true);
    expect(Report.safeParse({ version: 2, applications: [], unread: [] }).success).toBe(false);
    expect(Report.safeParse({ version: 1, applications: [{}], unread: [] }).success).toBe(false);
  });
});
