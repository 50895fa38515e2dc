import type {
  V1PolicyRule,
  V1Role,
  V1RoleBinding,
  V1ServiceAccount
} from '@kubernetes/client-node';
import { installationLabels } from './names.js';
import type { KubernetesConfig } from '../kubernetes-config.js';

/**
 * What a driver does in its namespace: make, watch, mark and remove executor pods (Spark's ExecutorPodsAllocator and
 * ExecutorPodsLifecycleManager). Rights on pods cannot be narrowed to names that do not exist yet, so whoever shares a
 * namespace with a driver shares its pods: one namespace for each user keeps them apart.
 */
export function driverRights(
  config: KubernetesConfig,
  namespace: string
): { account: V1ServiceAccount; role: V1Role; binding: V1RoleBinding } {
  const name = config.serviceAccount;
  const metadata = { name, namespace, labels: installationLabels(config) };
  return {
    account: {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata,
      automountServiceAccountToken: false
    },
    role: {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata,
      rules: [
        {
          apiGroups: [''],
          resources: ['pods'],
          // Spark withdraws pods that found no place by one call for all of them.
          verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete', 'deletecollection']
        }
      ]
    },
    binding: {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }]
    }
  };
}

/** What the server does in a namespace of clusters. It never reads a Secret back, and never enters a container. */
export const SERVER_RULES: readonly V1PolicyRule[] = [
  {
    apiGroups: [''],
    resources: ['pods', 'configmaps'],
    verbs: ['get', 'list', 'watch', 'create', 'delete']
  },
  { apiGroups: [''], resources: ['pods', 'pods/resize'], verbs: ['patch'] },
  { apiGroups: [''], resources: ['secrets', 'services'], verbs: ['create', 'delete'] },
  { apiGroups: [''], resources: ['events'], verbs: ['list', 'watch'] },
  {
    apiGroups: ['networking.k8s.io'],
    resources: ['networkpolicies'],
    verbs: ['create', 'delete']
  }
];

/** What it looks at in the whole of Kubernetes, to know what fits. */
export const SERVER_CLUSTER_RULES: readonly V1PolicyRule[] = [
  { apiGroups: [''], resources: ['nodes', 'pods'], verbs: ['list'] }
];

/** What it does in the namespace of notebooks, where the configuration names one. */
export const NOTEBOOK_RULES: readonly V1PolicyRule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
  { apiGroups: [''], resources: ['pods/resize'], verbs: ['patch'] }
];

/** There: to have the API server say which pod a token belongs to. It gives nothing to who holds it. */
export const NOTEBOOK_CLUSTER_RULES: readonly V1PolicyRule[] = [
  { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] }
];
