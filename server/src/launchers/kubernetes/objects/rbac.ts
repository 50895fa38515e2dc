import type {
  V1PolicyRule,
  V1Role,
  V1RoleBinding,
  V1ServiceAccount
} from '@kubernetes/client-node';
import { installationLabels } from './names.js';
import type { KubernetesConfig } from '../kubernetes-config.js';

/**
 * What a driver may do in its namespace: create, watch, label and delete executor pods (Spark's ExecutorPodsAllocator
 * and ExecutorPodsLifecycleManager). Permissions on pods cannot be restricted to names that do not exist yet, so
 * everyone in a namespace with a driver shares its pods: one namespace per user separates them.
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
          // Spark deletes pending pods with one call for all of them.
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

/**
 * What the server may do in a namespace of clusters. It never reads a Secret back, and never executes anything in a
 * container.
 */
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

/** What it reads cluster-wide, to know the capacity. */
export const SERVER_CLUSTER_RULES: readonly V1PolicyRule[] = [
  { apiGroups: [''], resources: ['nodes', 'pods'], verbs: ['get', 'list', 'watch'] }
];

/** What it may do in the namespace of notebooks, if the configuration names one. */
export const NOTEBOOK_RULES: readonly V1PolicyRule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
  { apiGroups: [''], resources: ['pods/resize'], verbs: ['patch'] }
];

/** There: to have the API server identify the pod of a token. It gives no access. */
export const NOTEBOOK_CLUSTER_RULES: readonly V1PolicyRule[] = [
  { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] }
];
