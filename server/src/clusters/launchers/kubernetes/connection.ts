import { KubeConfig } from '@kubernetes/client-node';
import type { KubernetesPolicy } from './policy.js';

/**
 * How the API server is reached: by the file that the policy names, else as the pod that we run in, else by KUBECONFIG or
 * the file that kubectl uses.
 * @throws if there is no such file or context
 */
export function connect(policy: KubernetesPolicy): KubeConfig {
  const { kubeconfig, context } = policy.connection;
  const config = new KubeConfig();
  if (kubeconfig !== undefined) config.loadFromFile(kubeconfig);
  else if (process.env.KUBERNETES_SERVICE_HOST !== undefined) config.loadFromCluster();
  else config.loadFromDefault();
  if (context !== undefined) {
    if (!config.getContextObject(context)) {
      const known = config.getContexts().map(({ name }) => name);
      throw new Error(
        `The kubeconfig has no context "${context}"; it has ${known.join(', ') || 'none'}. Correct connection.context in the policy for Kubernetes.`
      );
    }
    config.setCurrentContext(context);
  }
  return config;
}
