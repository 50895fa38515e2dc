import { describe, expect, it } from '@jest/globals';
import { WorkStory } from './work-story.js';
import { exception, Story } from './story.js';
import { CELL, findings, ids, failing } from './stories-with-evidence.js';

describe('a full disk', () => {
  const full = exception(
    'java.io.IOException',
    'No space left on device',
    'java.io.IOException: No space left on device\n\tat x'
  );

  it('is one finding with all attempts, without a separate failed task', () => {
    const [finding, ...others] = findings(
      failing(full, 'java.io.IOException: No space left on device')
    );
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ id: 'disk-full:cell:3:abc', severity: 'error', count: 4 });
  });

  it('has advice based on what the finished tasks wrote, and what was still to be written', () => {
    const story = (conf: Record<string, string>): WorkStory => {
      const work = new WorkStory(conf).with('1', '2');
      const done = { ms: 1000, shuffleWriteMiB: 300 };
      work.jobOf(CELL, [done, done, { ms: 2000, reason: full }, { ms: 2000, reason: full }], {
        tasks: 8
      });
      return work;
    };
    // Two of eight tasks wrote 300 MiB each, six were left: 2400 MiB on two executors, and a quarter more.
    const [finding, ...others] = findings(story({}));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ code: 'disk-full' });
    expect(finding!.advice[0]).toEqual({
      action: 'code',
      hint: 'scratch-space(1536m)',
      sentence:
        'Give each executor at least 1.5 GiB of scratch space: each executor had 300 MiB of shuffle data ' +
        'when the disk was full, and the remaining tasks would have written about 900 MiB more.'
    });
    const key = 'spark.kubernetes.executor.volumes.emptyDir.spark-local-dir-1.options.sizeLimit';
    const [limited] = findings(story({ 'spark.master': 'k8s://h', [key]: '512Mi' }));
    expect(limited!.advice[0]).toMatchObject({ action: 'set', conf: { [key]: '1536Mi' } });
    expect(limited!.advice[0]!.sentence).toContain('instead of 512 MiB');
  });

  it("is recognized by Hadoop's and by Python's messages, too", () => {
    const hadoop = exception(
      'org.apache.hadoop.util.DiskChecker$DiskErrorException',
      'Could not find any valid local directory for s3ablock-0001-'
    );
    const python = exception(
      'org.apache.spark.api.python.PythonException',
      'Traceback (most recent call last):\n  File "/tmp/a.py", line 3, in f\nOSError: [Errno 28] No space left on device\n'
    );
    for (const reason of [hadoop, python]) {
      expect(ids(failing(reason, 'x'))).toContain('disk-full:cell:3:abc warning certain');
    }
  });

  it('of the driver is reported by its log alone', () => {
    const log =
      '26/11/20 23:41:05 ERROR AsyncEventQueue: Listener EventLoggingListener threw an exception\njava.io.IOException: No space left on device';
    expect(ids(new Story(), ['stderr', log])).toEqual(['disk-full:application warning certain']);
  });
});
