import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';

/**
 * Writes the configuration of a server whose clusters are pods with small requests.
 * @param more what differs
 * @returns variables for the environment of the server
 */
export function podsEnvironment(
  directory: string,
  namespace: string,
  more: object = {}
): Record<string, string> {
  const file = join(directory, 'kubernetes.yaml');
  mkdirSync(join(directory, 'catalogues'), { recursive: true });
  writeFileSync(
    file,
    stringify({
      namespace,
      prepare: true,
      connection: { kubeconfig: process.env.AGLAIS_KUBECONFIG ?? '' },
      image: { name: process.env.AGLAIS_SPARK_IMAGE },
      driver: { cpu: { request: '100m' } },
      executor: { cpuPerCore: 0.1 },
      stopSeconds: 10,
      ...more
    })
  );
  return { AGLAIS_LAUNCHER: 'kubernetes', AGLAIS_KUBERNETES: file };
}
