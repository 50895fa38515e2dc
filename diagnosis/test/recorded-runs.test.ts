import { Finding, Resources } from '@aglais/protocol';
import { describe, expect, it } from '@jest/globals';
import {
  cgroup,
  diagnose,
  diagnoseLines,
  eventsOf,
  largeCorpus,
  linesOfFile,
  smallCorpus,
  toldBeside
} from './recorded-runs.js';
import { LARGE, SMALL, WITH_EVIDENCE } from './recorded-run-findings.js';
import { Diagnosis, observeEvidence, observeEventLine } from '../src/index.js';

describe('a recorded run with pods, logs, clients and counters', () => {
  for (const { name, path } of largeCorpus) {
    it(`${name} has exactly the expected findings, in any order of the evidence`, () => {
      const lines = linesOfFile(path);
      const told = toldBeside(path);
      const after = diagnoseLines(lines);
      for (const { kind, file, content } of told) observeEvidence(after, kind, content, file);
      after.close();
      const findings = after.findings();
      const expected = WITH_EVIDENCE[name]!;
      expect(findings.map(({ id }) => id).sort()).toEqual(expected.map(({ id }) => id));
      for (const finding of findings) {
        expect(finding).toMatchObject(expected.find(({ id }) => id === finding.id)!);
        expect(Finding.parse(finding)).toEqual(finding);
      }
      expect(after.problems.count).toBe(0);

      const before = new Diagnosis();
      before.close();
      for (const { kind, file, content } of [...told].reverse()) {
        observeEvidence(before, kind, content, file);
      }
      lines.forEach((line, index) => observeEventLine(before, line, `log:${index + 1}`));
      expect(before.findings()).toEqual(findings);
    });
  }

  it('has verbatim evidence at the referenced lines', () => {
    for (const { path } of largeCorpus) {
      const told = new Map(toldBeside(path).map(one => [one.file, one]));
      const diagnosis = diagnoseLines(linesOfFile(path));
      for (const { kind, file, content } of told.values()) {
        observeEvidence(diagnosis, kind, content, file);
      }
      for (const { evidence } of diagnosis.findings()) {
        for (const { source, quote, ref } of evidence) {
          if (source !== 'log') continue;
          const [file, line] = ref.split(':') as [string, string];
          const said = told.get(file)!.content.split('\n')[Number(line) - 1]!;
          expect(said.trim().startsWith(quote)).toBe(true);
        }
      }
    }
  });
});

describe('a recorded run', () => {
  for (const [corpus, expected] of [
    [smallCorpus, SMALL],
    [largeCorpus, LARGE]
  ] as const) {
    for (const { name, path } of corpus) {
      it(`${name} has exactly the expected findings`, () => {
        const diagnosis = diagnoseLines(linesOfFile(path));
        const findings = diagnosis.findings();
        expect(findings.map(({ id }) => id).sort()).toEqual(expected[name]?.map(({ id }) => id));
        for (const finding of findings) {
          expect(finding).toMatchObject(expected[name]!.find(({ id }) => id === finding.id)!);
          expect(Finding.parse(finding)).toEqual(finding);
        }
        expect(diagnosis.problems.count).toBe(0);
        const resources = diagnosis.resources();
        expect(Resources.parse(resources)).toEqual(resources);
      });
    }
  }

  it('has verbatim evidence in the log, at the referenced line', () => {
    for (const { path } of [...smallCorpus, ...largeCorpus]) {
      const lines = linesOfFile(path);
      for (const { evidence } of diagnoseLines(lines).findings()) {
        expect(evidence.length).toBeGreaterThan(0);
        for (const { quote, ref } of evidence) {
          const line = lines[Number(ref.split(':')[1]) - 1]!;
          const found = line.includes(quote) || line.includes(JSON.stringify(quote).slice(1, -1));
          expect([quote, found]).toEqual([quote, true]);
        }
      }
    }
  });

  it('becomes certain, with limit and advice, with the counters of the cgroup', () => {
    const log = smallCorpus.find(({ name }) => name === 'executor-oom-in-cgroup')!;
    const events = eventsOf(log.path);
    const kills = ['0', '1', '2', '3'].map(executor => cgroup(executor, 1795217570000, 1));
    const [finding, ...others] = diagnose([...events, ...kills]).findings();
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'executor-oom-killed:cell:sw-cell-1',
      confidence: 'certain',
      title: '4 executors were killed for lack of memory',
      explanation:
        'This cell failed because 4 executors (0, 1, 2 and 3) were killed by the Linux OOM killer ' +
        '(limit 430 MiB, maximum Java heap 1.0 GiB). This shape cannot work: the limit of 430 MiB is ' +
        'below the maximum Java heap of 1.0 GiB. 2 of 4 tasks were retried; 32 s of ' +
        'task time was wasted.',
      // The heap alone is larger than the limit: it needs its 1024 MiB and 384 MiB of overhead.
      advice: [{ action: 'resize', shape: { executorOverheadMiB: 384 } }, { action: 'code' }]
    });
    expect(finding!.evidence.filter(({ source }) => source === 'cgroup')).toHaveLength(4);
  });
});
