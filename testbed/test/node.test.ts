import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { directories } from '../src/directories.js';
import { hierarchies } from '../src/node/cgroups.js';
import { configurationFiles, programArguments } from '../src/node/configuration.js';
import { mayLowerOomScore } from '../src/node/host.js';
import { layoutOf } from '../src/node/layout.js';
import { networkOf } from '../src/node/network.js';
import { startTimeOf } from '../src/node/processes.js';

const layout = layoutOf('/srv/state');
const network = networkOf('10.113');
const host = { mayLowerOomScore: false, programs: '/srv/cache/debian' };
const files = configurationFiles(layout, network, host);

describe('the configuration', () => {
  it('keeps everything in the state directory', () => {
    expect(files['containerd.toml']).toContain('root = "/srv/state/containerd/root"');
    expect(files['containerd.toml']).toContain('address = "/srv/state/containerd.sock"');
    const kubelet = parse(files['kubelet.yaml'] ?? '') as Record<string, unknown>;
    expect(kubelet.podLogsDir).toBe('/srv/state/pod-logs');
    expect(kubelet.containerRuntimeEndpoint).toBe('unix:///srv/state/containerd.sock');
  });

  it('does not let containerd lower OOM scores if that is forbidden, and only then', () => {
    expect(files['containerd.toml']).toContain('restrict_oom_score_adj = true');
    const free = configurationFiles(layout, network, { ...host, mayLowerOomScore: true });
    expect(free['containerd.toml']).toContain('restrict_oom_score_adj = false');
  });

  it('supports cgroup version 1, in a separate cgroup', () => {
    const kubelet = parse(files['kubelet.yaml'] ?? '') as Record<string, unknown>;
    expect(kubelet.failCgroupV1).toBe(false);
    expect(kubelet.cgroupRoot).toBe('/aglais-testbed');
  });

  it('routes every packet between pods', () => {
    const cni = JSON.parse(files['cni/10-testbed.conflist'] ?? '') as {
      plugins: { type: string; ipMasq: boolean; ipam: { ranges: { subnet: string }[][] } }[];
    };
    expect(cni.plugins[0]?.type).toBe('ptp');
    expect(cni.plugins[0]?.ipMasq).toBe(false);
    expect(cni.plugins[0]?.ipam.ranges[0]?.[0]?.subnet).toBe('10.113.1.0/24');
  });

  it('follows the network prefix', () => {
    const everything = JSON.stringify([files, programArguments(layout, network)]);
    expect(everything).toContain('10.113.0.1');
    expect(everything).not.toContain('10.97');
  });

  it('requires a certificate for etcd', () => {
    const { etcd } = programArguments(layout, network);
    expect(etcd).toContain('--client-cert-auth=true');
    expect(etcd).toContain('--listen-client-urls=https://10.113.0.1:2379');
  });
});

describe('the network', () => {
  it('has a prefix of two numbers', () => {
    expect(() => networkOf('10.97.0')).toThrow('two numbers like 10.97');
    expect(() => networkOf('10.x')).toThrow('two numbers like 10.97');
    expect(() => networkOf('10.300')).toThrow('two numbers like 10.97');
  });
});

describe('the directories', () => {
  it('follow the environment variables', () => {
    const found = directories({ AGLAIS_TESTBED: '/t', AGLAIS_CACHE: '/c', AGLAIS_DATA: '/d' });
    expect(found).toEqual({ cache: '/c/testbed', state: '/t', catalogues: '/d/catalogues' });
  });

  it('have the usual defaults of user programs', () => {
    const found = directories({ HOME: '/home/a' });
    expect(found.cache).toBe('/home/a/.cache/aglais/testbed');
    expect(found.state).toBe('/home/a/.local/share/aglais/testbed');
  });

  it('are rejected if paths of sockets would be too long', () => {
    expect(() => directories({ AGLAIS_TESTBED: `/${'x'.repeat(80)}` })).toThrow('AGLAIS_TESTBED');
  });
});

describe('the detected machine', () => {
  it('has the capabilities of the process', () => {
    expect(mayLowerOomScore('CapEff:\t000001fffeffffff\n')).toBe(false);
    expect(mayLowerOomScore('CapEff:\t000001ffffffffff\n')).toBe(true);
    expect(mayLowerOomScore('')).toBe(false);
  });

  it('has cgroup version 1 if one of its hierarchies is mounted', () => {
    const one = 'cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n';
    const two = 'cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n';
    expect(hierarchies(one + two)).toEqual(['/sys/fs/cgroup/memory']);
    expect(hierarchies('cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n')).toEqual(['/sys/fs/cgroup']);
  });
});

describe('A program', () => {
  const stat = (state: string, threads: number) =>
    `4711 (kube (api) server) ${state} 1 4711 4711 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 ${threads} 0 86400 123 45`;

  it('is identified by its start time, whatever its name', () => {
    expect(startTimeOf(stat('S', 12))).toBe('86400');
  });

  it('that was killed has ended when the last of its threads has', () => {
    expect(startTimeOf(stat('Z', 3))).toBe('86400');
    expect(startTimeOf(stat('Z', 1))).toBeNull();
  });
});
