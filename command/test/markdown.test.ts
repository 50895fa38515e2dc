import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { applicationMarkdown, code, escaped, summaryMarkdown } from '../src/markdown/markdown.js';
import { summaryRow } from '../src/summary-rows.js';
import { timeOfDay } from '../src/report-messages.js';
import { evidence, finding, report, START } from './reports.js';

describe('Markdown', () => {
  it('renders a finding with its advice, cost and quotes', () => {
    const lost = finding({
      advice: [{ action: 'set', conf: { 'spark.a': '2g' }, sentence: 'Give it 2 GiB.' }]
    });
    const then = timeOfDay(START + 20_000);
    expect(
      applicationMarkdown(report({ findings: [lost] }))
        .split('\n\n')
        .slice(2)
    ).toEqual([
      '1 warning, most severe first.',
      '### Warning: Executor 1 went away',
      'The job succeeded, but executor 1 went away.',
      '**Recommendations**',
      '- Give it 2 GiB.\n  `spark.a=2g`',
      `- Where: executor 1\n- Seen: ${then}\n- Confidence: certain (directly observed)\n- Code: \`executor-lost\``,
      `Spark event log, ${then}, \`app-1:17\`:`,
      '```text\nCommand exited with code 1\n```\n'
    ]);
  });

  it('escapes markup in logs', () => {
    expect(escaped('<b>*a*</b> [x](y) `c` a|b _d_')).toBe(
      '\\<b\\>\\*a\\*\\</b\\> \\[x\\](y) \\`c\\` a\\|b \\_d\\_'
    );
    for (const [text, safe] of [
      ['# a', '\\# a'],
      ['- a', '\\- a'],
      ['1. a', '1\\. a'],
      ['-1', '-1']
    ]) {
      expect(escaped(text!)).toBe(safe);
    }
    expect(escaped('a\n\n# b')).toBe('a # b');
  });

  it('does not end a quote before its end', () => {
    const quote = 'before\n```\n<script>\n````';
    const text = applicationMarkdown(
      report({ findings: [finding({ evidence: [evidence({ quote })] })] })
    );
    expect(text).toContain(`\n\n\`\`\`\`\`text\n${quote}\n\`\`\`\`\`\n`);
  });

  it('wraps code in more backticks than it contains', () => {
    expect(code('a')).toBe('`a`');
    expect(code('a`b')).toBe('``a`b``');
    expect(code('`')).toBe('`` ` ``');
    fc.assert(
      fc.property(fc.string(), text => {
        const [, ticks, inner] = /^(`+)([^]*)\1$/.exec(code(text))!;
        expect(inner).not.toContain(ticks);
        expect(code(text)).not.toContain('\n');
      })
    );
  });

  it('keeps the columns of its table', () => {
    const rows = [report({ id: 'a|b', name: 'c|d', findings: [finding({ title: 'e|f' })] })];
    const table = summaryMarkdown(rows.map(summaryRow)).split('\n').slice(2);
    for (const line of table.filter(text => text !== '')) {
      expect(line.match(/(?<!\\)\|/g)).toHaveLength(7);
    }
  });
});
