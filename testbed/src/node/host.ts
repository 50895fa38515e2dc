import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { output, TestbedError } from '../execution.js';
import type { Layout } from './layout.js';
import type { Network } from './network.js';
import { POLICY_TABLE } from '../network-policy/ruleset.js';

/** Kernel parameters for routing, and those that the kubelet sets. */
const SYSCTLS = [
  'net/ipv4/ip_forward',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes'
];
const NFT_TABLES = [
  ['ip', 'kube-proxy'],
  ['ip6', 'kube-proxy'],
  ['ip', POLICY_TABLE]
] as const;
/** Bit of CAP_SYS_RESOURCE (capability.h). */
const SYS_RESOURCE = 24n;

const sysctl = (name: string) => join('/proc/sys', name);

export function saveSysctls(layout: Layout): void {
  if (existsSync(layout.sysctls)) return;
  const values = SYSCTLS.filter(name => existsSync(sysctl(name))).map(name => [
    name,
    readFileSync(sysctl(name), 'utf8').trim()
  ]);
  writeFileSync(layout.sysctls, JSON.stringify(Object.fromEntries(values)));
}

export function restoreSysctls(layout: Layout): void {
  if (!existsSync(layout.sysctls)) return;
  const saved = JSON.parse(readFileSync(layout.sysctls, 'utf8')) as Record<string, string>;
  for (const [name, value] of Object.entries(saved)) writeFileSync(sysctl(name), value);
  rmSync(layout.sysctls);
}

/** An empty bridge that only has the node's address, and a blackhole for traffic to deleted pods. */
export function makeAddress(network: Network): void {
  const commands = [
    ['link', 'add', network.bridge, 'type', 'bridge'],
    ['address', 'add', `${network.node}/32`, 'dev', network.bridge],
    ['link', 'set', network.bridge, 'up'],
    // Traffic to a deleted pod must not leave the machine by its default route.
    ['route', 'add', 'unreachable', network.pods]
  ];
  for (const args of commands)
    if (output('ip', args) === null)
      throw new TestbedError(
        `"ip ${args.join(' ')}" failed: the testbed cannot make its network here.`
      );
  writeFileSync(sysctl('net/ipv4/ip_forward'), '1');
}

/** Removes addresses, links of pods, network namespaces and rules; ignores what does not exist. */
export function removeNetwork(network: Network, env: NodeJS.ProcessEnv): void {
  for (const [family, table] of NFT_TABLES) output('nft', ['delete', 'table', family, table], env);
  const [prefix = ''] = network.pods.split('.0/');
  for (const line of (output('ip', ['-o', 'route', 'show']) ?? '').split('\n')) {
    const [, device] =
      new RegExp(`^${prefix.replaceAll('.', '\\.')}\\.\\d+ dev (veth\\w+)`).exec(line) ?? [];
    if (device) output('ip', ['link', 'delete', device]);
  }
  for (const line of (output('ip', ['netns', 'list']) ?? '').split('\n')) {
    const name = line.split(' ')[0] ?? '';
    // Namespaces of others that contain processes are kept; ours have none any more.
    if (name.startsWith('cni-') && output('ip', ['netns', 'pids', name]) === '')
      output('ip', ['netns', 'delete', name]);
  }
  output('ip', ['route', 'delete', 'unreachable', network.pods]);
  output('ip', ['link', 'delete', network.bridge]);
}

/** Why the testbed would conflict with something on this machine, for people, or null. */
export function collision(network: Network, env: NodeJS.ProcessEnv): string | null {
  const route = output('ip', ['-o', 'route', 'show', 'root', network.all]);
  if (route)
    return `The network ${network.all} is in use here (${route.split('\n')[0]}). Name another with AGLAIS_TESTBED_NETWORK, like 10.113.`;
  if (output('ip', ['link', 'show', network.bridge]) !== null)
    return `A network device ${network.bridge} is there already, but no testbed is on record that made it. If it is left over: ip link delete ${network.bridge}`;
  if (output('nft', ['list', 'table', 'ip', 'kube-proxy'], env) !== null)
    return 'A kube-proxy has its rules on this machine: it is a node of a Kubernetes. The testbed would disturb it.';
  return null;
}

/** Unmounts everything below a directory, innermost first; returns what is still mounted. */
export function unmountBelow(directory: string): string[] {
  const mounted = () =>
    readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map(line => (line.split(' ')[1] ?? '').replaceAll('\\040', ' '))
      .filter(path => path.startsWith(`${directory}/`));
  for (const path of mounted().sort().reverse()) output('umount', ['-l', path]);
  return mounted();
}

/** Whether a process with this status (proc(5)) may lower oom_score_adj. */
export function mayLowerOomScore(status: string): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${mask}`) >> SYS_RESOURCE) & 1n) === 1n;
}
