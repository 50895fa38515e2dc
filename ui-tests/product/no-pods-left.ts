import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import type { FullResult, Reporter } from '@playwright/test/reporter';
import { kubeconfig, namespace } from './kubernetes';

/** Fails the run if the product leaves objects of a cluster in Kubernetes. */
export default class NoPodsLeft implements Reporter {
  async onEnd(result: FullResult): Promise<{ status: FullResult['status'] }> {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig());
    const api = config.makeApiClient(CoreV1Api);
    const of = { namespace: namespace(), labelSelector: 'app.kubernetes.io/managed-by=aglais' };
    const lists = await Promise.all([
      api.listNamespacedPod(of),
      api.listNamespacedConfigMap(of),
      api.listNamespacedSecret(of),
      api.listNamespacedService(of)
    ]);
    const left = lists.flatMap(({ items }) => items.map(({ metadata }) => metadata?.name));
    await api.deleteNamespace({ name: of.namespace });
    if (left.length === 0) return { status: result.status };
    console.error(`The product was stopped and left in Kubernetes:\n  ${left.join('\n  ')}`);
    return { status: 'failed' };
  }

  printsToStdio(): boolean {
    return false;
  }
}
