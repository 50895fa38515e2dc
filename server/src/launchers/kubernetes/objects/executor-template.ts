import type { V1Pod, V1PodSpec } from '@kubernetes/client-node';
import type { ClusterSpec } from '../../launcher.js';
import {
  clusterLabels,
  EXECUTOR_CONTAINER,
  IMAGE,
  MOUNTED,
  objectName,
  ROLE_LABEL,
  SPARK_SECRET
} from './names.js';
import {
  chosenOptions,
  joined,
  podBasics,
  RESTRICTED,
  secretMount,
  writableMounts
} from './container-settings.js';
import type { KubernetesConfig } from '../kubernetes-config.js';
import { objectStoreEnvironment, scratchMounts, shareMounts } from './share-volumes.js';

/**
 * The pod template of executors. Spark adds name, image, memory and CPUs, owner, its labels and its environment
 * (`BasicExecutorFeatureStep`).
 */
export function executorTemplate(spec: ClusterSpec, config: KubernetesConfig): V1Pod {
  const options = chosenOptions(spec, config);
  const basics = podBasics(config);
  const scratch = options.map(option => option.scratch).find(Boolean) ?? config.scratch;
  const { volumes, volumeMounts } = joined(
    writableMounts(config),
    scratchMounts(scratch),
    secretMount(objectName(spec.id), [SPARK_SECRET]),
    shareMounts(config)
  );
  const extended = Object.assign({}, ...options.map(option => option.resources)) as Record<
    string,
    string
  >;
  const wants = Object.keys(extended).length > 0;
  const podSpec: V1PodSpec = {
    ...basics,
    nodeSelector: Object.assign(
      {},
      basics.nodeSelector,
      ...options.map(option => option.nodeSelector)
    ) as Record<string, string>,
    tolerations: [...(basics.tolerations ?? []), ...options.flatMap(option => option.tolerations)],
    containers: [
      {
        name: EXECUTOR_CONTAINER,
        command: [IMAGE.executor],
        workingDir: MOUNTED.work,
        env: [{ name: 'HOME', value: MOUNTED.work }, ...objectStoreEnvironment(config)],
        ...(wants && { resources: { requests: extended, limits: extended } }),
        // For an executor that exits before it registers, nothing else is kept: its status then contains the end of its
        // log.
        terminationMessagePolicy: 'FallbackToLogsOnError',
        securityContext: RESTRICTED,
        volumeMounts
      }
    ],
    volumes
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      labels: { ...clusterLabels(config, spec.id), [ROLE_LABEL]: 'executor' },
      annotations: config.annotations
    },
    spec: podSpec
  };
}
