import { describe, expect, it } from '@jest/globals';
import { readCgroupFiles } from '../src/evidence/cgroup-files.js';

describe('the files of a cgroup', () => {
  it('are read in version 1 and 2', () => {
    const one = {
      'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 4\n',
      'memory.limit_in_bytes': '450887680\n',
      'memory.max_usage_in_bytes': '450887680\n'
    };
    expect(readCgroupFiles(one, '1', 5, 'x')).toMatchObject({
      oomKills: 4,
      limitMiB: 430,
      peakMiB: 430,
      quote: 'oom_kill 4'
    });
    const two = {
      'memory.events': 'low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n',
      'memory.max': '851443712\n'
    };
    expect(readCgroupFiles(two, '1', 5, 'x')).toMatchObject({
      oomKills: 1,
      limitMiB: 812,
      peakMiB: null
    });
  });

  it('are ignored without a limit', () => {
    expect(
      readCgroupFiles({ 'memory.events': 'oom_kill 1', 'memory.max': 'max\n' }, '1', 5, 'x')
    ).toBeNull();
    const none = {
      'memory.oom_control': 'oom_kill 1',
      'memory.limit_in_bytes': '9223372036854771712'
    };
    expect(readCgroupFiles(none, '1', 5, 'x')).toBeNull();
  });
});
