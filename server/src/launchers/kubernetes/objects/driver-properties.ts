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
 * Spark properties of a cluster. Two are missing, because only the pod knows them: its address (`spark.driver.host`,
 * which it also binds to, because executors connect to the bound address) and the address of the API server
 * (`spark.master`); the pod's environment adds them.
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
    // The usual listeners, and one that applies the desired number of executors.
    'spark.extraListeners': 'aglais.LiveEvents,aglais.Readiness,aglais.ExecutorCount',
    'spark.aglais.executors': `${MOUNTED.directory}/executors`,
    'spark.aglais.executorsState': `${MOUNTED.directory}/executors.state`,
    'spark.aglais.catalogue': `${MOUNTED.configuration}/catalogue.sql`,
    'spark.local.dir': MOUNTED.scratch,
    'spark.driver.port': String(PORTS.driver),
    'spark.driver.blockManager.port': String(PORTS.driverBlocks),
    'spark.blockManager.port': String(PORTS.executorBlocks),
    'spark.connect.grpc.binding.port': String(PORTS.spark),
    // The pod network is shared: a process without the secret cannot act as an executor of this driver.
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
    // Its files would need a ConfigMap created by Spark: executors get everything they need from the driver.
    'spark.kubernetes.executor.disableConfigMap': 'true',
    // The server deletes dead pods, once their last status is recorded.
    'spark.kubernetes.executor.deleteOnTermination': 'false',
    // A stopped executor has nothing to save; the grace period of the template is not used.
    'spark.kubernetes.executor.terminationGracePeriodSeconds': '5s',
    // Spark's defaults wait for a second at each step of a start.
    'spark.kubernetes.allocation.batch.delay': '200ms',
    'spark.kubernetes.allocation.batch.size': '50',
    'spark.kubernetes.executor.eventProcessingInterval': '200ms',
    // The driver can be used before its executors: by default it would wait for them before it accepts connections.
    'spark.scheduler.minRegisteredResourcesRatio': '0',
    // By default a few killed executors end the application ("Max number of executor failures").
    'spark.executor.maxNumFailures': String(Math.max(30, 10 * shape.executors.max)),
    'spark.executor.failuresValidityInterval': '1h',
    // The pods cannot be inspected from outside: each process reports its own memory and that of its Python workers
    // with its heartbeats.
    'spark.executor.processTreeMetrics.enabled': 'true',
    ...executorCount(shape),
    ...objectStoreProperties(config),
    ...optionProperties(spec, config),
    ...config.properties
  };
}

/**
 * A fixed number, or as many as the work needs; by `aglais.ExecutorCount`, because Spark's own bounds cannot be changed
 * at runtime.
 */
function executorCount({ executors }: Shape): Record<string, string> {
  return {
    'spark.executor.instances': String(executors.min),
    'spark.aglais.executorBounds': desiredExecutors(executors),
    // Pending pods, when fewer executors are needed: by default Spark keeps them for a minute.
    'spark.dynamicAllocation.executorIdleTimeout': '1s'
  };
}

function optionProperties(spec: ClusterSpec, config: KubernetesConfig): Record<string, string> {
  const chosen = (spec.options ?? []).map(name => config.options[name]?.properties ?? {});
  return Object.assign({}, ...chosen) as Record<string, string>;
}

/** The driver's Java @argument file; class path and class-data archive are added by the image. */
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

/** The same for people, and for programs that read Java properties files (`Properties.load`). */
export function propertiesFile(properties: Readonly<Record<string, string>>): string {
  const escape = (text: string) => text.replace(/[\\:=#!]/g, '\\$&').replaceAll('\n', '\\n');
  return Object.entries(properties)
    .map(([key, value]) => `${escape(key)}=${escape(value)}\n`)
    .join('');
}
