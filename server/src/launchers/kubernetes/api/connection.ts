import { KubeConfig } from '@kubernetes/client-node';
import type { KubernetesConfig } from '../kubernetes-config.js';

/**
 * How to reach the API server: with the kubeconfig that the configuration names, otherwise with the service account of
 * this pod, otherwise with KUBECONFIG or kubectl's default file.
 * @throws if there is no such file or context
 */
export function connect(config: KubernetesConfig): KubeConfig {
  const { kubeconfig, context } = config.connection;
  const kubeConfig = new KubeConfig();
  if (kubeconfig !== undefined) kubeConfig.loadFromFile(kubeconfig);
  else if (process.env.KUBERNETES_SERVICE_HOST !== undefined) kubeConfig.loadFromCluster();
  else kubeConfig.loadFromDefault();
  if (context !== undefined) {
    if (!kubeConfig.getContextObject(context)) {
      const known = kubeConfig.getContexts().map(({ name }) => name);
      throw new Error(
        `The kubeconfig has no context "${context}"; it has ${known.join(', ') || 'none'}. Correct connection.context in the Kubernetes configuration file.`
      );
    }
    kubeConfig.setCurrentContext(context);
  }
  return kubeConfig;
}
