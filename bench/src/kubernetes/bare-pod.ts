import type { Shape } from '@aglais/protocol';
import type { V1Pod } from '@kubernetes/client-node';

export const BARE = 'bare';

/** The JDK's own archive, which Java uses by default; the image's entry point names ours before it. */
const DEFAULT_ARCHIVE = '-XX:SharedArchiveFile=/usr/lib/jvm/java/lib/server/classes.jsa';

/**
 * A Spark Connect server according to Spark's documentation: `spark-submit` in client mode in a pod, its executors by
 * Spark's Kubernetes scheduler, no settings except sizes, paths and the event log.
 */
export function barePod(namespace: string, image: string, shape: Shape): V1Pod {
  const memory = `${shape.driverMemoryMiB + 512}Mi`;
  const settings = {
    'spark.kubernetes.namespace': namespace,
    'spark.kubernetes.driver.pod.name': BARE,
    'spark.kubernetes.executor.podNamePrefix': BARE,
    'spark.kubernetes.container.image': image,
    'spark.kubernetes.container.image.pullPolicy': 'IfNotPresent',
    'spark.kubernetes.executor.request.cores': '100m',
    'spark.driver.host': '$(POD_IP)',
    'spark.driver.port': '7078',
    'spark.driver.blockManager.port': '7079',
    'spark.executor.instances': String(shape.executors.max),
    'spark.executor.memory': `${shape.executorMemoryMiB}m`,
    'spark.executor.memoryOverhead': `${shape.executorOverheadMiB}m`,
    'spark.executor.cores': String(shape.executorCores),
    'spark.executor.extraJavaOptions': DEFAULT_ARCHIVE,
    'spark.eventLog.enabled': 'true',
    'spark.eventLog.dir': 'file:///tmp'
  };
  return {
    metadata: { name: BARE },
    spec: {
      restartPolicy: 'Never',
      serviceAccountName: BARE,
      automountServiceAccountToken: true,
      terminationGracePeriodSeconds: 5,
      containers: [
        {
          name: 'driver',
          image,
          imagePullPolicy: 'IfNotPresent',
          workingDir: '/tmp',
          command: [
            '/opt/spark/bin/spark-submit',
            ...['--class', 'org.apache.spark.sql.connect.service.SparkConnectServer'],
            ...[
              '--master',
              'k8s://https://$(KUBERNETES_SERVICE_HOST):$(KUBERNETES_SERVICE_PORT)',
              '--deploy-mode',
              'client'
            ],
            ...['--driver-memory', `${shape.driverMemoryMiB}m`],
            ...Object.entries(settings).flatMap(([key, value]) => ['--conf', `${key}=${value}`]),
            'spark-internal'
          ],
          env: [
            { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
            { name: 'HOME', value: '/tmp' }
          ],
          resources: { requests: { cpu: '100m', memory }, limits: { memory } }
        }
      ]
    }
  };
}
