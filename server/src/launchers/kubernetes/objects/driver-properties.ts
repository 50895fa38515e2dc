import type { Shape } from '@aglais/protocol';
import type { ClusterSpec } from '../../launcher.js';
import {
  applicationId,
  argumentFile,
  commonProperties,
  driverArguments
} from '../../spark-driver.js';
import { desiredExecutors } from '../resize/executor-count.js';
import { EXECUTOR_CONTAINER, MOUNTED, objectName, PORTS, SPARK_SECRET } from './names.js';
import type { KubernetesConfig } from '../kubernetes-config.js';
import { objectStoreProperties } from './share-volumes.js';
import { executorCpu } from '../capacity/pod-size.js';

/**
 * Spark's properties of a cluster. Two are missing, because only the pod knows them: its address (`spark.driver.host`,
 * which is bound, too: executors are told the bound one) and that of the API server (`spark.master`); the pod's
 * environment adds them.
 * @param namespace the cluster's
 */
export function driverProperties(
  spec: ClusterSpec,
  config: KubernetesConfig,
  namespace: string
): Record<string, string> {
  const { id, shape } = spec;
  const { image } = config;
  const cpu = String(executorCpu(shape, config));
  return {
    ...commonProperties(id, shape, MOUNTED.directory),
    'spark.app.id': applicationId(id),
    // Listeners as everywhere, and one that changes the number of executors when it is told to.
    'spark.extraListeners': 'aglais.LiveEvents,aglais.Readiness,aglais.ExecutorCount',
    'spark.aglais.executors': `${MOUNTED.directory}/executors`,
    'spark.aglais.executorsState': `${MOUNTED.directory}/executors.state`,
    'spark.aglais.catalogue': `${MOUNTED.configuration}/catalogue.sql`,
    'spark.local.dir': MOUNTED.scratch,
    'spark.driver.port': String(PORTS.driver),
    'spark.driver.blockManager.port': String(PORTS.driverBlocks),
    'spark.blockManager.port': String(PORTS.executorBlocks),
    'spark.connect.grpc.binding.port': String(PORTS.spark),
    // The network between pods is everybody's: who does not know the secret is no executor of this driver.
    'spark.authenticate': 'true',
    'spark.authenticate.secret.file': `${MOUNTED.secret}/${SPARK_SECRET}`,
    'spark.kubernetes.namespace': namespace,
    'spark.kubernetes.driver.pod.name': objectName(id),
    'spark.kubernetes.driver.service.deleteOnTermination': 'false',
    'spark.kubernetes.container.image': image.name,
    'spark.kubernetes.container.image.pullPolicy': image.pullPolicy,
    ...(image.pullSecrets.length > 0 && {
      'spark.kubernetes.container.image.pullSecrets': image.pullSecrets.join(',')
    }),
    'spark.kubernetes.executor.podNamePrefix': objectName(id),
    'spark.kubernetes.executor.podTemplateFile': `${MOUNTED.configuration}/executor-template.yaml`,
    'spark.kubernetes.executor.podTemplateContainerName': EXECUTOR_CONTAINER,
    'spark.kubernetes.executor.request.cores': cpu,
    ...(config.executor.limitCpu && { 'spark.kubernetes.executor.limit.cores': cpu }),
    // Its files would come from a ConfigMap that Spark had to make: executors have all they need from the driver.
    'spark.kubernetes.executor.disableConfigMap': 'true',
    // Dead pods are deleted by the server, once their last status is on record.
    'spark.kubernetes.executor.deleteOnTermination': 'false',
    // One that is told to end has nothing to save; the template's own period is not taken.
    'spark.kubernetes.executor.terminationGracePeriodSeconds': '5s',
    // Spark's defaults wait for a second at each step of a start.
    'spark.kubernetes.allocation.batch.delay': '200ms',
    'spark.kubernetes.allocation.batch.size': '50',
    'spark.kubernetes.executor.eventProcessingInterval': '200ms',
    // The driver is of use before its executors: it would wait for them before it accepts anybody.
    'spark.scheduler.minRegisteredResourcesRatio': '0',
    // By default a few executors that are killed end the application ("Max number of executor failures").
    'spark.executor.maxNumFailures': String(Math.max(30, 10 * shape.executors.max)),
    'spark.executor.failuresValidityInterval': '1h',
    // Nobody sees into the pods from outside: each process tells with its heartbeats what it and its Python workers take.
    'spark.executor.processTreeMetrics.enabled': 'true',
    ...executorCount(shape),
    ...objectStoreProperties(config),
    ...optionProperties(spec, config),
    ...config.properties
  };
}

/** A fixed number, or as many as there is work for; by `aglais.ExecutorCount`, since Spark's own bounds cannot be moved. */
function executorCount({ executors }: Shape): Record<string, string> {
  return {
    'spark.executor.instances': String(executors.min),
    'spark.aglais.executorBounds': desiredExecutors(executors),
    // Pods that have found no place yet, when fewer are wanted: Spark lets them be for a minute otherwise.
    'spark.dynamicAllocation.executorIdleTimeout': '1s'
  };
}

function optionProperties(spec: ClusterSpec, config: KubernetesConfig): Record<string, string> {
  const chosen = (spec.options ?? []).map(name => config.options[name]?.properties ?? {});
  return Object.assign({}, ...chosen) as Record<string, string>;
}

/** The driver's Java @argument file; class path and class-data archive are the image's, which adds them. */
export function driverArgumentFile(
  { shape }: ClusterSpec,
  properties: Readonly<Record<string, string>>
): string {
  return argumentFile(
    driverArguments({
      classPath: null,
      heapMiB: shape.driverMemoryMiB,
      archive: null,
      modules: ['jdk.incubator.vector'],
      temporary: MOUNTED.temporary,
      properties
    })
  );
}

/** The same for people, and for programs that want a Java properties file (`Properties.load`). */
export function propertiesFile(properties: Readonly<Record<string, string>>): string {
  const escape = (text: string) => text.replace(/[\\:=#!]/g, '\\$&').replaceAll('\n', '\\n');
  return Object.entries(properties)
    .map(([key, value]) => `${escape(key)}=${escape(value)}\n`)
    .join('');
}
