import { describe, expect, it } from '@jest/globals';
import { type Observation } from '../src/index.js';
import { pod, terminated } from './kubernetes.js';
import { Story } from './story.js';
import { KUBERNETES, AT, findings, ids, pods } from './stories-with-evidence.js';

describe('a session', () => {
  const heard = (message: string, run = 3): Observation => ({
    kind: 'cell',
    cell: 'abc',
    run,
    outcome: 'error',
    at: 1_000_000 + run,
    error: { name: 'SparkConnectGrpcException', message }
  });
  const changed =
    '[INVALID_HANDLE.SESSION_CHANGED] The handle 1-2 is invalid. The existing Spark server driver instance has restarted. Please reconnect.';

  it('that was replaced is reported once, at the first cell that noticed it', () => {
    const [finding, ...others] = findings(new Story(), heard(changed, 4), heard(changed, 3));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'session-lost:cell:3:abc',
      severity: 'error',
      confidence: 'certain',
      count: 2
    });
  });

  it('is probably gone if Spark does not respond', () => {
    const gone = 'StatusCode.UNAVAILABLE failed to connect to all addresses';
    expect(ids(new Story(), heard(gone))).toEqual(['session-lost:cell:3:abc error likely']);
    expect(ids(new Story().end(), heard(gone))).toEqual(['session-lost:cell:3:abc error certain']);
  });

  it('that is gone with its driver, whose log is truncated then, is one incident', () => {
    const gone = 'StatusCode.UNAVAILABLE failed to connect to all addresses';
    const story = new Story().executor('1').job(0, 'aglais-cell:1000:abc', [0, 4]).stage(0, 4);
    story.start(0, 0, { executor: '1' });
    const end: Observation = { kind: 'end' };
    for (const order of [
      [heard(gone, 1000), end],
      [end, heard(gone, 1000)]
    ]) {
      const [finding, ...others] = findings(story, ...order);
      expect(others).toEqual([]);
      expect(finding).toMatchObject({
        id: 'session-lost:cell:1000:abc',
        confidence: 'likely',
        effects: ['1 running job ended with it']
      });
      expect(finding!.explanation).toContain(
        'Its event log is incomplete and ends while 1 job was running'
      );
      expect(finding!.evidence.map(({ source }) => source)).toEqual(['eventlog', 'client']);
    }
  });

  it('that is gone with a driver whose exit code is known is certainly gone', () => {
    const gone = 'StatusCode.UNAVAILABLE failed to connect to all addresses';
    const crashed = pod({ role: 'driver', state: terminated(134, 'Error', AT) });
    const story = new Story(KUBERNETES);
    const [finding, ...others] = findings(story, { kind: 'end' }, heard(gone), pods(crashed));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ code: 'session-lost', confidence: 'certain' });
    expect(finding!.explanation).toContain('Its driver exited with code 134.');
  });

  it('that did not respond once is another incident than a log that is truncated much later', () => {
    const gone = 'StatusCode.UNAVAILABLE failed to connect to all addresses';
    const story = new Story().executor('1').wait(3_600_000).job(1, null, [1, 1]);
    expect(ids(story, heard(gone), { kind: 'end' })).toEqual([
      'session-lost:cell:3:abc error likely',
      'application-incomplete:application warning certain'
    ]);
  });

  it('is not lost because of another error', () => {
    expect(
      ids(new Story(), heard('[TABLE_OR_VIEW_NOT_FOUND] The table x cannot be found.'))
    ).toEqual([]);
  });
});
