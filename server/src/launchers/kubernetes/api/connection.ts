import { KubeConfig } from '@kubernetes/client-node';
import type { KubernetesConfig } from '../kubernetes-config.js';

/**
 * How the API server is reached: by the file that the configuration names, else as the pod that we run in, else by KUBECONFIG or
 * the file that kubectl uses.
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
