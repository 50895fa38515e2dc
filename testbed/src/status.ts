import { existsSync, readFileSync } from 'node:fs';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { directories } from './directories.js';
import { layoutOf } from './node/layout.js';
import { isAlive, owner } from './node/ownership.js';
import { recorded, running } from './node/processes.js';
import type { Facts } from './up.js';

const ANSWER_MS = 5000;

/** The status for people; the second value is whether everything is running. */
export async function status(): Promise<[string[], boolean]> {
  const { state } = directories();
  const layout = layoutOf(state);
  const whose = owner();
  if (!whose)
    return [['No testbed is up on this machine. Start one: npm run testbed -- up'], false];
  if (whose.state !== state)
    return [
      [
        isAlive(whose)
          ? `A testbed is up on this machine, but in another directory: ${whose.state}`
          : `A testbed in ${whose.state} broke off; the next "up" or "down" clears it away.`
      ],
      false
    ];
  const names = recorded(layout);
  const dead = names.filter(name => running(layout, name) === null);
  if (names.length === dead.length)
    return [['The testbed broke off: none of its programs runs. "down" clears it away.'], false];
  const lines = dead.map(
    name => `${name} has ended by itself; its log is ${layout.logs}/${name}.log`
  );
  if (!existsSync(layout.facts)) return [[...lines, 'The testbed is coming up.'], false];
  const facts = JSON.parse(readFileSync(layout.facts, 'utf8')) as Facts;
  const config = new KubeConfig();
  config.loadFromFile(facts.kubeconfig);
  const api = config.makeApiClient(CoreV1Api);
  const pods = await Promise.race([
    api.listPodForAllNamespaces().catch(() => null),
    new Promise<null>(resolve => setTimeout(resolve, ANSWER_MS, null).unref())
  ]);
  if (!pods) return [[...lines, 'Its API server does not answer.'], false];
  const phases = new Map<string, number>();
  for (const pod of pods.items) {
    const phase = pod.status?.phase ?? 'Unknown';
    phases.set(phase, (phases.get(phase) ?? 0) + 1);
  }
  const counted = [...phases].map(([phase, count]) => `${count} ${phase}`).join(', ');
  return [
    [
      ...lines,
      `Kubernetes ${facts.kubernetes} is up with ${names.length - dead.length} of ${names.length} programs.`,
      `Pods: ${counted || 'none'}`,
      `Kubeconfig: ${facts.kubeconfig}`,
      `Spark image: ${facts.sparkImage}`,
      `Catalogues on the node: ${facts.catalogues}`
    ],
    dead.length === 0
  ];
}
