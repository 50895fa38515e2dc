import { describe, expect, it } from '@jest/globals';
import { pod, terminated } from './kubernetes.js';
import { exception, Story } from './story.js';
import { CELL, KUBERNETES, AT, findings, ids, pods, failing } from './stories-with-evidence.js';

describe('out of memory without executors', () => {
  it('in local mode is the heap of the driver', () => {
    const conf = { 'spark.master': 'local[4]', 'spark.driver.memory': '2g' };
    const story = new Story(conf).executor('driver').job(0, CELL, [0, 1]).stage(0, 1);
    const full = exception('java.lang.OutOfMemoryError', 'Java heap space');
    story.task(0, 0, { executor: 'driver' }, full);
    const [finding, ...others] = findings(story);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'executor-heap-oom:cell:3:abc',
      title: 'The driver ran out of Java heap',
      advice: [{ action: 'resize', shape: { driverMemoryMiB: 4096 } }, { action: 'code' }]
    });
  });

  it("in Python without a limit is an error of the user's code", () => {
    const traceback =
      'Traceback (most recent call last):\n  File "<stdin>", line 3, in f\nnumpy._core._exceptions._ArrayMemoryError: Unable to allocate 8.00 TiB for an array\n';
    const reason = exception('org.apache.spark.api.python.PythonException', traceback);
    const story = failing(reason, `org.apache.spark.api.python.PythonException: ${traceback}`);
    const [finding, ...others] = findings(story);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ code: 'task-failed' });
    expect(finding!.explanation).toMatch(
      /Unable to allocate 8\.00 TiB.*at line 3 in f \(<stdin>\)/
    );
  });

  it('in a process that no task reported is a note', () => {
    const story = new Story(KUBERNETES).executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '1' }).jobEnd(0).end();
    expect(ids(story, pods(pod({ state: terminated(0, 'OOMKilled', AT) })))).toEqual([
      'python-worker-died:application info likely'
    ]);
  });
});
