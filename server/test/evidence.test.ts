import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Observation } from '@aglais/diagnosis';
import { followEvidence } from '../src/launchers/local/local-evidence.js';
import { readProcess, type ProcessName } from '../src/launchers/local/process-table.js';
import { ShareProbes } from '../src/launchers/local/share-probes.js';
import { eventually, temporaryDirectory } from './support/server.js';

const NEXT = '26/11/21 13:26:49 INFO Master: next\n';
const STARVED =
  '26/11/21 13:26:33 WARN TaskSchedulerImpl: Initial job has not accepted any resources; check your cluster UI\n';
const LAST_LINE = 'Terminating due to java.lang.OutOfMemoryError: Java heap space\n';

const NO_SHARES = {
  shares: () => Promise.resolve([]),
  probes: new ShareProbes(),
  onDriverEnded: () => undefined
};

describe("An executor's memory cgroup", () => {
  const place = temporaryDirectory();
  afterAll(place.remove);

  it('is not recorded for an executor that ended before it started and got a limit', async () => {
    const abort = new AbortController();
    const recorded: Observation[] = [];
    // Version 1 writes "no limit" as the largest multiple of a page.
    for (const [executor, limit] of [
      ['1', '9223372036854771712'],
      ['2', '939524096']
    ]) {
      const group = join(place.path, 'group', `executor-${executor}`);
      mkdirSync(group, { recursive: true });
      const files = {
        'memory.oom_control': 'oom_kill_disable 0\noom_kill 0\n',
        'memory.limit_in_bytes': limit!,
        'memory.usage_in_bytes': '4096',
        'memory.max_usage_in_bytes': '4096',
        'memory.stat': 'total_inactive_file 0\n',
        'cgroup.procs': ''
      };
      for (const [name, text] of Object.entries(files)) writeFileSync(join(group, name), text);
    }
    const removed = (executor: string) =>
      `{"Event":"SparkListenerExecutorRemoved","Timestamp":1,"Executor ID":"${executor}","Removed Reason":"x"}\n`;
    writeFileSync(join(place.path, 'live.jsonl'), removed('1') + removed('2'));
    const following = followEvidence(
      {
        directory: place.path,
        driver: () => Promise.resolve(null),
        cgroup: () => Promise.resolve(join(place.path, 'group')),
        ...NO_SHARES,
        record: observation => Promise.resolve(void recorded.push(observation))
      },
      { eventLine: () => {}, evidenceLine: () => {}, observe: () => {} },
      abort.signal
    );
    await eventually('the counters', () => recorded.length > 0);
    abort.abort();
    await following;
    expect(recorded).toEqual([
      expect.objectContaining({ kind: 'cgroup', executor: '2', limitMiB: 896 })
    ]);
  });
});

describe("The driver's own log", () => {
  let place: ReturnType<typeof temporaryDirectory>;
  let abort: AbortController;
  let driver: ProcessName | null;
  let recorded: Observation[];
  const file = (name: string) => join(place.path, name);
  const texts = () => recorded.flatMap(one => (one.kind === 'log' ? [one.text] : []));

  function follow(): Promise<void> {
    const sink = { eventLine: () => {}, evidenceLine: () => {}, observe: () => {} };
    const source = {
      directory: place.path,
      driver: () => Promise.resolve(driver),
      cgroup: () => Promise.resolve(null),
      ...NO_SHARES,
      record(observation: Observation) {
        recorded.push(observation);
        appendFileSync(file('evidence.jsonl'), `${JSON.stringify(observation)}\n`);
        return Promise.resolve();
      }
    };
    return followEvidence(source, sink, abort.signal);
  }

  beforeEach(() => {
    place = temporaryDirectory();
    abort = new AbortController();
    driver = null;
    recorded = [];
  });
  afterEach(() => {
    abort.abort();
    place.remove();
  });

  it('is recorded only where it explains something', async () => {
    driver = await readProcess(process.pid);
    writeFileSync(file('driver.log'), `${NEXT}${STARVED}${NEXT}`);
    const following = follow();
    await eventually('the warning', () => Promise.resolve(texts().length > 0));
    abort.abort();
    await following;
    expect(recorded).toEqual([
      expect.objectContaining({ kind: 'log', who: 'driver', ref: 'driver.log:2' })
    ]);
    expect(texts()[0]).toContain('Initial job has not accepted any resources');
  });

  it('is read to its last line once the driver has ended', async () => {
    writeFileSync(file('driver.log'), `${NEXT}${LAST_LINE}`);
    const following = follow();
    await eventually('the last line', () => Promise.resolve(texts().length > 0));
    abort.abort();
    await following;
    expect(texts()).toEqual([LAST_LINE.trim()]);
  });

  it('is recorded once, even if the server is restarted', async () => {
    writeFileSync(file('driver.log'), `${STARVED}${NEXT}`);
    for (const run of [1, 2]) {
      abort = new AbortController();
      const following = follow();
      if (run === 2) appendFileSync(file('driver.log'), `${LAST_LINE}${NEXT}`);
      await eventually('the recorded line', () => Promise.resolve(texts().length >= run));
      abort.abort();
      await following;
    }
    expect(recorded.map(one => 'ref' in one && one.ref)).toEqual(['driver.log:1', 'driver.log:3']);
  });
});
