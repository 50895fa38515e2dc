import type {
  V1LabelSelector,
  V1Namespace,
  V1NetworkPolicy,
  V1NetworkPolicyIngressRule,
  V1NetworkPolicyPeer,
  V1NetworkPolicyPort,
  V1Pod
} from '@kubernetes/client-node';

export const POLICY_TABLE = 'aglais-testbed';

/** The input of the rules. */
export interface World {
  pods: readonly V1Pod[];
  namespaces: readonly V1Namespace[];
  policies: readonly V1NetworkPolicy[];
  /** Addresses of pods and services; their traffic does not leave the machine. */
  all: string;
}

type Direction = 'Ingress' | 'Egress';

const DIRECTIONS: readonly Direction[] = ['Egress', 'Ingress'];

/**
 * The rules of all network policies as one script for `nft -f`, which replaces them atomically. Semantics of
 * networking.k8s.io/v1 NetworkPolicy: a pod that no policy selects is open; a selected one accepts what any of its
 * policies allows. Traffic between the node and its pods is always allowed, as on other platforms; so are responses to
 * allowed traffic.
 */
export function ruleset(world: World): string {
  const pods = onePerAddress(world.pods.filter(isReachable));
  const chains: string[] = [];
  const jumps: Record<Direction, string[]> = { Ingress: [], Egress: [] };
  for (const pod of pods) {
    for (const direction of DIRECTIONS) {
      const policies = world.policies.filter(
        policy => selects(policy, pod) && directionsOf(policy).includes(direction)
      );
      if (policies.length === 0) continue;
      const address = pod.status?.podIP ?? '';
      const chain = `${direction.toLowerCase()}-${address.replaceAll('.', '-')}`;
      const rules = policies.flatMap(policy => rulesOf(policy, direction, pod, pods, world));
      chains.push(
        [
          `  chain ${chain} {`,
          `    comment "${pod.metadata?.namespace}/${pod.metadata?.name}"`,
          ...[...new Set(rules)].map(rule => `    ${rule}${rule ? ' ' : ''}return`),
          '    counter drop',
          '  }'
        ].join('\n')
      );
      jumps[direction].push(`${address} : jump ${chain}`);
    }
  }
  const map = (field: string, entries: string[]) =>
    entries.length > 0 ? [`    ip ${field} vmap { ${entries.join(', ')} }`] : [];
  return [
    `table ip ${POLICY_TABLE}`,
    `delete table ip ${POLICY_TABLE}`,
    `table ip ${POLICY_TABLE} {`,
    ...chains,
    '  chain forward {',
    '    type filter hook forward priority filter; policy accept;',
    '    ct state established,related accept',
    `    ip saddr ${world.all} ip daddr != ${world.all} drop`,
    ...map('saddr', jumps.Egress),
    ...map('daddr', jumps.Ingress),
    '  }',
    '}',
    ''
  ].join('\n');
}

/** Has a pod IP that it still owns. */
function isReachable(pod: V1Pod): boolean {
  const phase = pod.status?.phase;
  return (
    Boolean(pod.status?.podIP) &&
    !pod.spec?.hostNetwork &&
    phase !== 'Succeeded' &&
    phase !== 'Failed'
  );
}

/**
 * Of pods that claim the same address (one whose end was not observed yet, or one made up by a test) the newest owns
 * it.
 */
function onePerAddress(pods: readonly V1Pod[]): V1Pod[] {
  // A Date if the pod was listed, a string if it was watched.
  const created = (pod: V1Pod) => new Date(pod.metadata?.creationTimestamp ?? 0).getTime();
  const inOrder = [...pods].sort((a, b) => created(a) - created(b));
  return [...new Map(inOrder.map(pod => [pod.status?.podIP, pod])).values()];
}

function selects(policy: V1NetworkPolicy, pod: V1Pod): boolean {
  return (
    policy.metadata?.namespace === pod.metadata?.namespace &&
    matches(policy.spec?.podSelector, pod.metadata?.labels)
  );
}

function directionsOf({ spec }: V1NetworkPolicy): string[] {
  return spec?.policyTypes ?? ['Ingress', ...(spec?.egress ? ['Egress'] : [])];
}

/** One expression for each thing that a policy allows; the empty expression allows everything. */
function rulesOf(
  policy: V1NetworkPolicy,
  direction: Direction,
  pod: V1Pod,
  pods: readonly V1Pod[],
  world: World
): string[] {
  const allowed =
    direction === 'Ingress'
      ? (policy.spec?.ingress ?? []).map(rule => ({ peers: callersOf(rule), ports: rule.ports }))
      : (policy.spec?.egress ?? []).map(rule => ({ peers: rule.to, ports: rule.ports }));
  const field = direction === 'Ingress' ? 'saddr' : 'daddr';
  return allowed.flatMap(({ peers, ports }) => {
    if (!peers || peers.length === 0)
      return portsOf(ports, direction === 'Ingress' ? [pod] : pods).map(port => port.text);
    return peers.flatMap(peer => {
      if (peer.ipBlock) {
        const { cidr, except = [] } = peer.ipBlock;
        // The testbed has no IPv6.
        if (cidr.includes(':')) return [];
        const block = [
          `ip ${field} ${cidr}`,
          ...(except.length > 0 ? [`ip ${field} != { ${except.join(', ')} }`] : [])
        ].join(' ');
        return portsOf(ports, [pod]).map(port => joined(block, port.text));
      }
      const named = pods.filter(other => isPeer(peer, policy, other, world.namespaces));
      // A named port refers to the destination pod, so its number differs between peers.
      return portsOf(ports, direction === 'Ingress' ? [pod] : named).flatMap(port => {
        const from =
          direction === 'Egress' && port.of ? named.filter(other => other === port.of) : named;
        if (from.length === 0) return [];
        const addresses = [...new Set(from.map(other => other.status?.podIP))].join(', ');
        return [joined(`ip ${field} { ${addresses} }`, port.text)];
      });
    });
  });
}

/** The client library names the field `_from` in lists, but `from` in watches. */
function callersOf(
  rule: V1NetworkPolicyIngressRule & { from?: V1NetworkPolicyPeer[] }
): V1NetworkPolicyPeer[] | undefined {
  return rule._from ?? rule.from;
}

const joined = (...texts: string[]) => texts.filter(Boolean).join(' ');

function isPeer(
  peer: V1NetworkPolicyPeer,
  policy: V1NetworkPolicy,
  pod: V1Pod,
  namespaces: readonly V1Namespace[]
): boolean {
  if (peer.namespaceSelector) {
    const namespace = namespaces.find(({ metadata }) => metadata?.name === pod.metadata?.namespace);
    if (!namespace || !matches(peer.namespaceSelector, namespace.metadata?.labels)) return false;
  } else if (pod.metadata?.namespace !== policy.metadata?.namespace) {
    return false;
  }
  return matches(peer.podSelector, pod.metadata?.labels);
}

/**
 * Ports as nft expressions; `of` is the pod for which a named port has this number.
 * @param called pods on which a named port is looked up
 */
function portsOf(
  ports: readonly V1NetworkPolicyPort[] | undefined,
  called: readonly V1Pod[]
): { text: string; of?: V1Pod }[] {
  if (!ports || ports.length === 0) return [{ text: '' }];
  return ports.flatMap(({ protocol = 'TCP', port, endPort }) => {
    const kind = protocol.toLowerCase();
    if (port === undefined) return [{ text: `meta l4proto ${kind}` }];
    if (typeof port === 'number')
      return [{ text: `${kind} dport ${port}${endPort ? `-${endPort}` : ''}` }];
    return called.flatMap(pod => {
      const number = numberOf(pod, port, protocol);
      return number ? [{ text: `${kind} dport ${number}`, of: pod }] : [];
    });
  });
}

function numberOf(pod: V1Pod, name: string, protocol: string): number | undefined {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return containers
    .flatMap(container => container.ports ?? [])
    .find(port => port.name === name && (port.protocol ?? 'TCP') === protocol)?.containerPort;
}

/** Label selectors as in the API; an empty or missing one matches everything. */
export function matches(
  selector: V1LabelSelector | undefined,
  labels: Record<string, string> = {}
): boolean {
  const equal = Object.entries(selector?.matchLabels ?? {}).every(
    ([key, value]) => labels[key] === value
  );
  return (
    equal &&
    (selector?.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      const listed = value !== undefined && values.includes(value);
      return operator === 'In' ? listed : !listed;
    })
  );
}
