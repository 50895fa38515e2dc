import { describe, expect, it } from '@jest/globals';
import { type Observation } from '../src/index.js';
import { exception, Story } from './story.js';
import { findings, ids, failing } from './stories-with-evidence.js';

describe('a catalogue that stops responding', () => {
  const probe = (at: number, available: boolean): Observation => ({
    kind: 'share',
    share: 'gaia',
    available,
    at,
    message: 'probe timed out after 5 s',
    ref: 'probe'
  });

  it('is reported by its probe, until it responds again', () => {
    expect(ids(new Story(), probe(5, false))).toEqual([
      'share-unavailable:application warning certain'
    ]);
    expect(ids(new Story(), probe(5, false), probe(6, true))).toEqual([]);
    expect(ids(new Story(), probe(6, true), probe(5, false))).toEqual([]);
  });

  const second = (at: number, more: object): Observation => ({
    ...{
      kind: 'share',
      share: 'gaia',
      available: false,
      at,
      message: 'no answer in 5 s',
      ref: 'p'
    },
    ...more
  });
  const told = (observation: object): Observation =>
    ({ kind: 'cell', cell: 'abc', run: 3, ...observation }) as Observation;
  const hung = second(1_005_000, { state: 'hung', since: 1_000_000 });
  const back = second(1_045_000, { available: true, message: 'answers again' });

  it('is an error under the running cell, with the start time and advice', () => {
    const running = told({ outcome: 'running', at: 990_000 });
    const [finding, ...others] = findings(new Story(), running, hung);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'share-unavailable:cell:3:abc',
      severity: 'error',
      confidence: 'certain',
      title: 'Catalogue gaia does not respond',
      firstSeen: 1_000_000,
      advice: [{ hint: 'wait-or-interrupt' }],
      evidence: [{ quote: 'no answer in 5 s' }]
    });
    expect(finding!.explanation).toMatch(/gaia has not responded since 00:16:40 UTC\..*hang/);
  });

  it('becomes a warning when it responds again, for the affected cell', () => {
    const cell = [
      told({ outcome: 'running', at: 990_000 }),
      told({ outcome: 'ok', at: 1_050_000 })
    ];
    const all = [...cell, back, hung];
    for (const order of [all, [...all].reverse()]) {
      const [finding, ...others] = findings(new Story(), ...order);
      expect(others).toEqual([]);
      expect(finding).toMatchObject({
        id: 'share-unavailable:cell:3:abc',
        severity: 'warning',
        title: 'Catalogue gaia is available again'
      });
      expect(finding!.explanation).toBe(
        'This cell succeeded, but catalogue gaia did not respond for 45 s.'
      );
    }
  });

  it('is not reported for a cell that ended before, or started after the outage', () => {
    const before = [told({ outcome: 'running', at: 1_000 }), told({ outcome: 'ok', at: 2_000 })];
    expect(ids(new Story(), ...before, hung)).toEqual([
      'share-unavailable:application warning certain'
    ]);
    const after = told({ outcome: 'running', at: 1_046_000 });
    expect(ids(new Story(), hung, back, after)).toEqual([]);
  });

  it('is reported as gone if it responds that nothing is there', () => {
    const gone = second(1_005_000, { state: 'gone', message: 'No such file or directory' });
    const running = told({ outcome: 'running', at: 990_000 });
    expect(findings(new Story(), running, gone)[0]).toMatchObject({
      severity: 'error',
      title: 'Catalogue gaia is gone',
      advice: [{ hint: 'run-again' }]
    });
    expect(findings(new Story(), running, gone, back)[0]).toMatchObject({
      severity: 'warning',
      advice: [{ hint: 'check-result' }]
    });
  });

  it('is reported by tasks that read from it, with its name if a probe failed, too', () => {
    const stale = exception('java.io.IOException', 'Stale file handle');
    const story = failing(stale, 'java.io.IOException: Stale file handle');
    expect(ids(story)).toEqual(['share-unavailable:cell:3:abc error certain']);
    expect(findings(story, probe(5, false))[0]!.title).toBe('Catalogue gaia does not respond');
  });
});
