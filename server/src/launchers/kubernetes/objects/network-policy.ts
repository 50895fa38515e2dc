import type {
  V1NetworkPolicy,
  V1NetworkPolicyEgressRule,
  V1NetworkPolicyIngressRule,
  V1OwnerReference
} from '@kubernetes/client-node';
import type { ClusterSpec } from '../../launcher.js';
import type { KubernetesConfig } from '../kubernetes-config.js';
import { clusterMetadata } from './cluster-objects.js';
import { CLUSTER_LABEL, PORTS } from './names.js';

/**
 * Who may connect to the pods: the pods to each other; kernels to Spark Connect; the server to the witness. The pods
 * may connect to everything except the blocked addresses: they need DNS, the API server and the stores of the shares,
 * which differ between installations.
 */
export function networkPolicy(
  spec: ClusterSpec,
  config: KubernetesConfig,
  namespace: string,
  owner: V1OwnerReference
): V1NetworkPolicy {
  const own = { matchLabels: { [CLUSTER_LABEL]: spec.id } };
  const open = (port: number, from?: object[]): V1NetworkPolicyIngressRule => ({
    ports: [{ protocol: 'TCP', port }],
    // A rule without `from` allows all sources; so would one with an empty list.
    ...(from && from.length > 0 && { _from: from })
  });
  const egress = egressRules(config);
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: clusterMetadata(spec, config, namespace, owner),
    spec: {
      podSelector: own,
      policyTypes: ['Ingress', ...(egress ? ['Egress'] : [])],
      ingress: [
        { _from: [{ podSelector: own }] },
        open(PORTS.connect, config.network.kernels),
        open(PORTS.witness, config.network.server)
      ],
      ...(egress && { egress })
    }
  };
}

/** Everything except the blocked addresses; null if none is blocked. */
function egressRules({
  network: { blocked }
}: KubernetesConfig): V1NetworkPolicyEgressRule[] | null {
  if (blocked.length === 0) return null;
  const except = (isIn: (cidr: string) => boolean) => {
    const found = blocked.filter(isIn);
    return found.length > 0 ? { except: found } : {};
  };
  return [
    {
      to: [
        // An IP block is meant for addresses outside; some network plug-ins do not apply it to pods.
        { namespaceSelector: {} },
        { ipBlock: { cidr: '0.0.0.0/0', ...except(cidr => !cidr.includes(':')) } },
        { ipBlock: { cidr: '::/0', ...except(cidr => cidr.includes(':')) } }
      ]
    }
  ];
}
