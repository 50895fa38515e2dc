import type { KubernetesConfig } from '../kubernetes-config.js';

/** Every object of a cluster has this name; executors append `-exec-<n>`. */
export const objectName = (cluster: string) => `aglais-${cluster}`;

/** The cluster of a pod with this name: an event about a deleted pod has only the name. */
export function clusterOfName(name: string): string | null {
  return /^aglais-(.+?)(?:-exec-\d+)?$/.exec(name)?.[1] ?? null;
}

export const CLUSTER_LABEL = 'aglais.org/cluster';
export const ROLE_LABEL = 'aglais.org/role';
export const INSTALLATION_LABEL = 'aglais.org/installation';
/** Which installation created an object; its name is for people, and two may have the same. */
export const INSTALLATION_ID_LABEL = 'aglais.org/installation-id';
const MANAGED = 'app.kubernetes.io/managed-by';

/** Annotations from which a server without a database can restore a cluster's description. */
export const SHAPE_ANNOTATION = 'aglais.org/shape';
export const OPTIONS_ANNOTATION = 'aglais.org/options';

export const DRIVER_CONTAINER = 'driver';
export const WITNESS_CONTAINER = 'witness';
/** Spark's own label, which its listing of executors uses. */
export const EXECUTOR_CONTAINER = 'spark-kubernetes-executor';

/** Paths in the image (interpreters/spark/image). */
export const IMAGE = {
  driver: '/opt/aglais/bin/driver.sh',
  executor: '/opt/aglais/bin/executor.sh',
  witness: '/opt/aglais/bin/witness.sh'
} as const;

/** Paths that are mounted into the pods. */
export const MOUNTED = {
  directory: '/aglais',
  configuration: '/aglais-conf',
  secret: '/aglais-secret',
  scratch: '/scratch',
  work: '/work',
  temporary: '/tmp'
} as const;

export const PORTS = {
  /** TLS for kernels. */
  connect: 15_002,
  /** Spark Connect itself, on loopback. */
  spark: 15_003,
  witness: 8_444,
  driver: 7_078,
  driverBlocks: 7_079,
  executorBlocks: 7_079
} as const;

/** Keys of a cluster's Secret. */
export const SPARK_SECRET = 'spark-secret';
export const SECRET_KEYS = [
  'tls.crt',
  'tls.key',
  'ca.crt',
  'token',
  'witness-token',
  SPARK_SECRET
] as const;
export type ClusterSecrets = Record<(typeof SECRET_KEYS)[number], string>;

/** Labels of all our objects in an installation. */
export function installationLabels(config: KubernetesConfig): Record<string, string> {
  const { installationId } = config;
  return {
    ...{ [MANAGED]: 'aglais', [INSTALLATION_LABEL]: config.installation },
    ...(installationId !== undefined && { [INSTALLATION_ID_LABEL]: installationId })
  };
}

/** Selects the objects of all installations with this name: ours, and those from before there were ids. */
export function installationSelector(
  { installation }: KubernetesConfig,
  more: Readonly<Record<string, string>> = {}
): string {
  return selector({ [MANAGED]: 'aglais', [INSTALLATION_LABEL]: installation, ...more });
}

export function clusterLabels(config: KubernetesConfig, cluster: string): Record<string, string> {
  return { ...config.labels, ...installationLabels(config), [CLUSTER_LABEL]: cluster };
}

export function selector(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
