import { describe, expect, it } from '@jest/globals';
import { lost, Story } from './story.js';
import { CELL, KUBERNETES, findings, ids, losing } from './stories-with-evidence.js';

describe('an executor without heartbeats', () => {
  it('is reported with the timeout; on Kubernetes, too, where another reason masks it', () => {
    const [finding] = findings(losing('Executor heartbeat timed out after 131072 ms'));
    expect(finding).toMatchObject({ code: 'executor-heartbeat-timeout', confidence: 'certain' });
    expect(finding!.explanation).toMatch(/stopped responding to the driver for 2 min/);
    expect(ids(losing('Executor killed by driver.'))).toEqual([
      'executor-heartbeat-timeout:cell:3:abc warning likely'
    ]);
    const log = `26/11/20 23:41:05 WARN HeartbeatReceiver: Removing executor 1 with no recent heartbeats: 155000 ms exceeds timeout 120000 ms`;
    expect(ids(losing('Executor killed by driver.'), ['stderr', log])).toEqual([
      'executor-heartbeat-timeout:cell:3:abc warning certain'
    ]);
  });

  it('was removed because it was idle, if nothing was running on it', () => {
    const story = new Story(KUBERNETES).executor('1', '2').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '2' }).jobEnd(0).removed('1', 'Executor killed by driver.');
    expect(ids(story)).toEqual([]);
  });
});

describe('YARN', () => {
  const conf = { 'spark.master': 'yarn', 'spark.executor.memory': '512m' };

  it('preempts containers, and loses the disks of its nodes', () => {
    expect(
      ids(losing('Container container_1_0001_01_000002 on host: h was preempted.', conf))
    ).toEqual(['executor-preempted:cell:3:abc warning certain']);
    const bad =
      'Container marked as failed: container_1_0001_01_000002 on host: h. Exit status: -101. Diagnostics: 1/1 local-dirs are bad: /data/yarn/local;.';
    expect(ids(losing(bad, conf))).toEqual(['disk-full:cell:3:abc warning certain']);
  });

  it("names containers; log URLs in Spark's events show their executors", () => {
    const story = new Story(conf);
    story.event('SparkListenerExecutorAdded', {
      Timestamp: story.now,
      'Executor ID': '1',
      'Executor Info': {
        Host: 'h',
        'Total Cores': 1,
        'Log Urls': {
          stderr: 'http://h:8042/node/containerlogs/container_1_0001_01_000002/u/stderr'
        }
      }
    });
    story.executor('2').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '1' }, lost('1', 'Slave lost')).removed('1', 'Slave lost');
    story.task(0, 0, { executor: '2' }).jobEnd(0);
    expect(ids(story)).toEqual(['executor-lost:cell:3:abc warning likely']);
    const words =
      "Container [pid=7,containerID=container_1_0001_01_000002] is running beyond the 'PHYSICAL' memory limit. Current usage: 1.1 GB of 1 GB physical memory used; 3 GB of 2 GB virtual memory used. Killing container.";
    const [finding] = findings(story, ['yarn', words]);
    expect(finding).toMatchObject({ code: 'executor-oom-killed', confidence: 'certain' });
    expect(finding!.explanation).toMatch(/limit 1\.0 GiB, 1\.1 GiB in use/);
  });

  it('kills the driver with the ApplicationMaster in cluster mode only', () => {
    const words =
      'Application application_1_0001 failed 1 times due to AM Container for appattempt_1_0001_000001 exited with  exitCode: -104 Failing this attempt.Diagnostics: Container [pid=3,containerID=container_1_0001_01_000001] is running beyond physical memory limits. Current usage: 1.4 GB of 1.4 GB physical memory used. Killing container.';
    const cluster = { ...conf, 'spark.submit.deployMode': 'cluster' };
    const story = (of: Record<string, string>, id: string): Story =>
      new Story(of).event('SparkListenerApplicationStart', { 'App ID': id });
    const own = 'application_1_0001';
    expect(ids(story(cluster, own), ['yarn', words])).toEqual([
      'driver-oom-killed:application error certain'
    ]);
    expect(ids(story(conf, own), ['yarn', words])).toEqual([]);
    expect(ids(story(cluster, 'application_1_0002'), ['yarn', words])).toEqual([]);
  });
});
