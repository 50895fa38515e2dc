import { describe, expect, it } from '@jest/globals';
import { differences, differencesByStop, differencesOfLogs } from '../src/compare-findings.js';
import { finding } from './findings.js';

const at = (ref: string) => finding({ evidence: [{ ...finding().evidence[0]!, ref }] });

describe('Live and offline agree', () => {
  it('when they refer to the same line of the same file, in any directory', () => {
    expect(differences([at('live.jsonl:7')], [at('/kept/case/live.jsonl:7')])).toEqual([]);
  });

  it("also when Spark's own log has other line numbers, and texts depend on heartbeats", () => {
    const log = { ...at('eventlog:9'), title: 'Executor 1 was lost (no heartbeats)' };
    expect(differencesOfLogs([at('live.jsonl:7')], [log])).toEqual([]);
  });
});

describe('The log of a driver that was killed', () => {
  it('may end with another event than the live one', () => {
    const lost = (event: string) => {
      const last = {
        source: 'eventlog' as const,
        at: 1,
        quote: `"Event":"${event}"`,
        ref: 'log:9'
      };
      return finding({ code: 'session-lost', evidence: [finding().evidence[0]!, last] });
    };
    const [a, b] = [lost('SparkListenerTaskStart'), lost('SparkListenerJobStart')];
    expect(differencesOfLogs([a], [b])).toEqual([]);
    const client = (quote: string) =>
      finding({
        code: 'session-lost',
        evidence: [{ source: 'client', at: 1, quote, ref: 'client' }]
      });
    expect(differencesOfLogs([client('a')], [client('b')])).toHaveLength(1);
  });
});

describe('Stopping a cluster', () => {
  it('may only add that the log is incomplete', () => {
    const incomplete = finding({
      id: 'application-incomplete:application',
      code: 'application-incomplete'
    });
    expect(differencesByStop([finding()], [finding({ count: 2 }), incomplete])).toEqual([]);
  });

  it('must not add, remove or worsen a finding', () => {
    expect(differencesByStop([], [finding()])[0]).toMatch(/after it only/);
    expect(differencesByStop([finding()], [])[0]).toMatch(/before the stop only/);
    expect(differencesByStop([finding()], [finding({ severity: 'error' })])).toHaveLength(1);
  });
});

describe('Live and offline differ', () => {
  it('when one has a finding that the other does not have', () => {
    expect(differences([finding()], [])[0]).toMatch(/live only/);
    expect(differences([], [finding()])[0]).toMatch(/in the files only/);
  });

  it('when their texts differ, with the difference', () => {
    const result = differences([finding()], [finding({ count: 2 })]);
    expect(result).toEqual(['executor-lost:cell:1:case.a: count live 1, in the files 2']);
    expect(differencesOfLogs([finding()], [finding({ confidence: 'certain' })])).toHaveLength(1);
  });

  it('when another line is the evidence', () => {
    expect(differences([at('live.jsonl:7')], [at('live.jsonl:8')])).toHaveLength(1);
  });
});
