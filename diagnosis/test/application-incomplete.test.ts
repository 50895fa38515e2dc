import { describe, expect, it } from '@jest/globals';
import { pod, terminated } from './kubernetes.js';
import { Story } from './story.js';
import { CELL, KUBERNETES, AT, findings, ids, pods } from './stories-with-evidence.js';

describe('a log without an end', () => {
  const quiet = (): Story =>
    new Story()
      .executor('1')
      .job(0, CELL, [0, 1])
      .stage(0, 1)
      .task(0, 0, { executor: '1' })
      .jobEnd(0);

  it('is reported only when the log is complete', () => {
    expect(ids(quiet())).toEqual([]);
    expect(ids(quiet(), { kind: 'end' })).toEqual([
      'application-incomplete:application info certain'
    ]);
    expect(ids(quiet().end(), { kind: 'end' })).toEqual([]);
  });

  it('is a warning if a job was interrupted', () => {
    const story = quiet().job(1, CELL, [1, 1]).stage(1, 1);
    story.start(1, 0, { executor: '1' });
    expect(ids(story, { kind: 'end' })).toEqual([
      'application-incomplete:application warning certain'
    ]);
  });

  it('is an error if the driver is known to have exited, with its exit code', () => {
    const crashed = pod({ role: 'driver', state: terminated(1, 'Error', AT) });
    const story = new Story(KUBERNETES).executor('1');
    const [finding, ...others] = findings(story, { kind: 'end' }, pods(crashed));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ code: 'application-incomplete', severity: 'error' });
    expect(finding!.explanation).toMatch(/The driver exited with code 1 before/);
    const killed = pod({ role: 'driver', state: terminated(137, 'Error', AT) });
    expect(ids(story, { kind: 'end' }, pods(killed))).toEqual([
      'driver-oom-killed:application error possible'
    ]);
  });

  it('is not reported without any event', () => {
    expect(ids(null, { kind: 'end' })).toEqual([]);
  });
});
