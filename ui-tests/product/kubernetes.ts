import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { stringify } from 'yaml';
import { checkout } from '../../setup/paths.mjs';
import { place } from './place';

/** The option in the Kubernetes configuration, which a test selects in the panel. */
export const OPTION = { name: 'quick-scratch', title: 'Scratch in memory' };

/** Of this run only. */
export const namespace = (): string => basename(place().state).toLowerCase();

export const kubeconfig = (): string => named('AGLAIS_KUBECONFIG');

/**
 * The environment in which the server launches Spark on the cluster of AGLAIS_KUBECONFIG. The files that it names are
 * written next to its state.
 */
export function onKubernetes(): Record<string, string> {
  const { state } = place();
  const catalogues = join(state, 'catalogues');
  mkdirSync(catalogues, { recursive: true });
  cpSync(join(checkout, 'catalogues', 'bigsky.yaml'), join(catalogues, 'bigsky.yaml'));
  const policy = join(state, 'kubernetes.yaml');
  writeFileSync(
    policy,
    stringify({
      namespace: namespace(),
      prepare: true,
      connection: { kubeconfig: kubeconfig() },
      image: { name: named('AGLAIS_SPARK_IMAGE') },
      dataDirectory: '/data',
      volumes: [
        {
          name: 'catalogues',
          mountPath: '/data/catalogues',
          source: { hostPath: named('AGLAIS_NODE_CATALOGUES') }
        }
      ],
      driver: { cpu: { request: '100m' } },
      executor: { cpuPerCore: 0.1 },
      options: {
        [OPTION.name]: {
          title: OPTION.title,
          description: 'Faster than the disk, and counted as memory.',
          scratch: { kind: 'memory', sizeMiB: 128 }
        }
      },
      stopSeconds: 10
    })
  );
  return {
    AGLAIS_LAUNCHER: 'kubernetes',
    AGLAIS_KUBERNETES: policy,
    AGLAIS_CATALOGUES: catalogues
  };
}

function named(variable: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} is not set: run \`npm test -- kubernetes\`.`);
  return value;
}
