import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ApiProxy } from './api-proxy.js';

/**
 * Writes the configuration for a server that launches small clusters through the proxy.
 * @returns the path of its Kubernetes configuration
 */
export function writePolicy(directory: string, namespace: string, proxy: ApiProxy): string {
  mkdirSync(join(directory, 'catalogues'), { recursive: true });
  const kubeconfig = join(directory, 'kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify(proxy.kubeconfig()));
  const config = join(directory, 'kubernetes.yaml');
  const text = stringify({
    namespace,
    prepare: true,
    connection: { kubeconfig },
    image: { name: process.env.AGLAIS_SPARK_IMAGE, pullPolicy: 'IfNotPresent' },
    driver: { cpu: { request: '50m' } },
    executor: { cpuPerCore: 0.05 },
    stopSeconds: 5
  });
  writeFileSync(config, text);
  return config;
}
