import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import { openServer, type BenchServer } from '../installation.js';

/** A server for one benchmark whose clusters are pods, in a namespace of its own; both are removed afterwards. */
export interface KubernetesServer extends BenchServer {
  core: CoreV1Api;
  kubeConfig: KubeConfig;
  namespace: string;
  /** The image of Spark. */
  image: string;
}

/** The Kubernetes and the image that were chosen by `AGLAIS_KUBECONFIG` and `AGLAIS_SPARK_IMAGE`, or null. */
export function chosenKubernetes(): { kubeconfig: string; image: string } | null {
  const { AGLAIS_KUBECONFIG: kubeconfig, AGLAIS_SPARK_IMAGE: image } = process.env;
  return kubeconfig && image ? { kubeconfig, image } : null;
}

/** @param more settings of the server's Kubernetes configuration */
export async function openKubernetesServer(
  { kubeconfig, image }: { kubeconfig: string; image: string },
  more: object = {}
): Promise<KubernetesServer> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(kubeconfig);
  const core = kubeConfig.makeApiClient(CoreV1Api);
  const namespace = `aglais-bench-${Date.now().toString(36)}`;
  const directory = await mkdtemp(join(tmpdir(), 'aglais-bench-kubernetes-'));
  const file = join(directory, 'kubernetes.yaml');
  const where = { namespace, prepare: true, connection: { kubeconfig }, image: { name: image } };
  const small = { driver: { cpu: { request: '100m' } }, executor: { cpuPerCore: 0.1 } };
  await writeFile(file, stringify({ ...where, ...small, stopSeconds: 10, ...more }));
  await core.createNamespace({ body: { metadata: { name: namespace } } });
  const server = await openServer({ AGLAIS_LAUNCHER: 'kubernetes', AGLAIS_KUBERNETES: file });
  return {
    ...server,
    ...{ core, kubeConfig, namespace, image },
    async close() {
      await server.close();
      await core.deleteNamespace({ name: namespace });
      await rm(directory, { recursive: true, force: true });
    }
  };
}
