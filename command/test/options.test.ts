import { describe, expect, it } from '@jest/globals';
import { readOptions, UsageError, type Options } from '../src/options.js';

const NOW = Date.UTC(2026, 10, 20, 12);
const read = (...args: string[]): Options => readOptions(args, NOW) as Options;

describe('The arguments of the command', () => {
  it('are paths; nothing else is required', () => {
    expect(read('diagnose', 'a', 'b')).toEqual({
      paths: ['a', 'b'],
      evidence: [],
      format: 'text',
      since: null,
      follow: false,
      output: null,
      details: false
    });
  });

  it('accept evidence of every kind, repeatedly, before or after the paths', () => {
    const { paths, evidence } = read(
      ...['diagnose', '--pods', 'p1', 'log', '--pods=p2', '--events', 'e', '--yarn', 'y'],
      ...['--cgroup', 'g', '--stderr', 's', '--client', 'c', '--evidence', 'v']
    );
    expect(paths).toEqual(['log']);
    expect(evidence.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      ...['pods p1', 'pods p2', 'events e', 'yarn y', 'cgroup g', 'stderr s', 'client c'],
      'evidence v'
    ]);
  });

  it.each([
    ['report.html', 'html'],
    ['report.MD', 'markdown'],
    ['report.json', 'json'],
    ['report', 'text']
  ])('derive the format from the name of the output: %s', (output, format) => {
    expect(read('diagnose', 'log', '-o', output).format).toBe(format);
    expect(read('diagnose', 'log', '-o', output, '--format', 'text').format).toBe('text');
  });

  it.each([
    ['2h', NOW - 2 * 3_600_000],
    ['30m', NOW - 30 * 60_000],
    ['90s', NOW - 90_000],
    ['1.5d', NOW - 36 * 3_600_000],
    ['2026-11-20T10:00Z', NOW - 2 * 3_600_000],
    ['2026-11-20 10:00+02:00', NOW - 4 * 3_600_000],
    ['2026-11-20', new Date(2026, 10, 20).getTime()]
  ])('accept a start time: %s', (text, at) => {
    expect(read('diagnose', 'log', '--since', text).since).toBe(at);
  });

  it.each([
    [[], /Missing command/],
    [['diagnoze', 'log'], /Unknown command "diagnoze"/],
    [['diagnose'], /Missing PATH/],
    [['diagnose', 'log', '--what'], /Unknown option '--what'/],
    [['diagnose', 'log', '--pods'], /--pods/],
    [['diagnose', 'log', '--format', 'pdf'], /Unknown format "pdf".*text, json, markdown, html/],
    [['diagnose', 'log', '--since', 'yesterday'], /Invalid time "yesterday"/],
    [['diagnose', 'log', '--since', '1'], /Invalid time "1"/],
    [['diagnose', '-', '--stderr', '-'], /only once/],
    [['diagnose', 'a', 'b', '--follow'], /accepts a single log/],
    [['diagnose', 'a', '--follow', '--format', 'html'], /requires --output/]
  ])('are rejected if they are invalid: %j', (args, message) => {
    expect(() => read(...args)).toThrow(UsageError);
    expect(() => read(...args)).toThrow(message);
  });

  it('accept requests for help or the version', () => {
    for (const args of [['--help'], ['help'], ['diagnose', '-h'], ['diagnose', 'log', '--help']]) {
      expect(readOptions(args, NOW)).toBe('help');
    }
    expect(readOptions(['--version'], NOW)).toBe('version');
  });
});
