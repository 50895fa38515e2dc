import { join } from 'node:path';
import { executorLimitMiB } from '@aglais/protocol';
import type { ClusterSpec } from '../launcher.js';

/** Where the parts of Spark are; made by the set-up. */
export interface SparkInstallation {
  /** A directory with `jars`, `conf` (empty), `work`, and the class-data archives `driver.jsa` and `executor.jsa`. */
  home: string;
  java: string;
  python: string;
  /** Scripts and sources in interpreters/spark. */
  scripts: string;
  /** A module that Spark asks for and this Java does not have, or empty. */
  javaLacks: string;
  /** Archives that exist, and so can be used. */
  archives: { driver: boolean; executor: boolean };
}

export interface DriverCommand {
  /** For a Java @argument file, one argument each. */
  arguments: string[];
  environment: Record<string, string>;
}

/** Packages that Spark opens, of `JavaModuleOptions` in Spark 4.3. */
const OPENED = [
  'java.base/java.lang',
  'java.base/java.lang.invoke',
  'java.base/java.lang.reflect',
  'java.base/java.io',
  'java.base/java.net',
  'java.base/java.nio',
  'java.base/java.util',
  'java.base/java.util.concurrent',
  'java.base/java.util.concurrent.atomic',
  'java.base/jdk.internal.ref',
  'java.base/sun.nio.ch',
  'java.base/sun.nio.cs',
  'java.base/sun.security.action',
  'java.base/sun.util.calendar',
  'java.security.jgss/sun.security.krb5'
];

const archiveOption = (path: string) =>
  // Quiet: a Java that was updated since only starts slower.
  [`-XX:SharedArchiveFile=${path}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off', '-Xshare:auto'];

/** The application id that Spark shows; the cluster's own, because Spark's default collides within a second. */
export const applicationId = (cluster: string) => `app-${cluster}`;

/**
 * The class path of executors as Spark builds it, which the driver must share to the letter: class-data archives are
 * refused for any other.
 */
export function classPath(home: string, jars: readonly string[]): string {
  const slf4j = jars.find(jar => jar.startsWith('slf4j-api-')) ?? 'slf4j-api.jar';
  return [`${home}/conf/`, `${home}/jars/${slf4j}`, `${home}/jars/*`].join(':');
}

/**
 * How the driver of a cluster on this machine is started: a Spark Connect server on `local-cluster`, whose executors
 * are processes of their own.
 * @param directory the cluster's own
 * @param cgroup the cluster's memory cgroup, or null where there are none
 * @param jars file names in the home's `jars`
 * @param more Spark properties of the installation's own, which win over ours
 */
export function driverCommand(
  spec: ClusterSpec,
  directory: string,
  installation: SparkInstallation,
  cgroup: string | null,
  jars: readonly string[],
  more: Readonly<Record<string, string>> = {}
): DriverCommand {
  const { shape } = spec;
  const { home, archives } = installation;
  const executorOptions = archives.executor ? archiveOption(join(home, 'executor.jsa')) : [];
  const properties: Record<string, string> = {
    'spark.app.name': 'aglais',
    'spark.master': `local-cluster[${shape.executors.max},${shape.executorCores},${shape.executorMemoryMiB}]`,
    'spark.deploy.appIdPattern': applicationId(spec.id),
    'spark.executor.memory': `${shape.executorMemoryMiB}m`,
    'spark.executor.memoryOverhead': `${shape.executorOverheadMiB}m`,
    'spark.executor.cores': String(shape.executorCores),
    'spark.executor.heartbeatInterval': '3s',
    'spark.executorEnv.JAVA_HOME': join(home, 'executor'),
    'spark.local.dir': join(directory, 'scratch'),
    'spark.sql.warehouse.dir': join(directory, 'warehouse'),
    'spark.sql.catalogImplementation': 'in-memory',
    'spark.sql.shuffle.partitions': String(
      Math.max(8, shape.executors.max * shape.executorCores * 2)
    ),
    'spark.ui.enabled': 'false',
    // Loopback only: nobody else on the network can reach the cluster.
    'spark.driver.host': '127.0.0.1',
    'spark.driver.bindAddress': '127.0.0.1',
    'spark.connect.grpc.binding.address': '127.0.0.1',
    'spark.connect.grpc.binding.port': '0',
    'spark.eventLog.enabled': 'true',
    'spark.eventLog.dir': `file://${join(directory, 'eventlog')}`,
    'spark.eventLog.compress': 'false',
    'spark.eventLog.rolling.enabled': 'false',
    'spark.eventLog.logBlockUpdates.enabled': 'true',
    'spark.eventLog.logStageExecutorMetrics': 'true',
    'spark.extraListeners': 'aglais.LiveEvents,aglais.Readiness',
    'spark.aglais.liveEvents': join(directory, 'live.jsonl'),
    'spark.aglais.catalogue': join(directory, 'catalogue.sql'),
    'spark.aglais.ready': join(directory, 'ready'),
    ...(executorOptions.length > 0 && {
      'spark.executor.extraJavaOptions': executorOptions.join(' ')
    }),
    ...more
  };
  return {
    arguments: [
      '-cp',
      classPath(home, jars),
      `-Xmx${shape.driverMemoryMiB}m`,
      // The driver only plans; compiling its code fully would delay the first answer. Executors keep both compilers.
      '-XX:TieredStopAtLevel=1',
      // Half dead is worse than dead: without it a driver out of memory answers with "TaskResultLost".
      '-XX:+ExitOnOutOfMemoryError',
      ...(archives.driver ? archiveOption(join(home, 'driver.jsa')) : []),
      '-XX:+IgnoreUnrecognizedVMOptions',
      ...(installation.javaLacks ? [] : ['--add-modules=jdk.incubator.vector']),
      ...OPENED.map(name => `--add-opens=${name}=ALL-UNNAMED`),
      '-Dio.netty.tryReflectionSetAccessible=true',
      `-Djava.io.tmpdir=${join(directory, 'tmp')}`,
      ...Object.entries(properties).map(([key, value]) => `-D${key}=${value}`),
      'org.apache.spark.sql.connect.service.SparkConnectServer'
    ],
    environment: {
      SPARK_HOME: home,
      SPARK_SCALA_VERSION: '2.13',
      SPARK_LOCAL_IP: '127.0.0.1',
      PYSPARK_PYTHON: installation.python,
      // Not on the command line, which every user of the machine may read.
      SPARK_CONNECT_AUTHENTICATE_TOKEN: spec.token,
      AGLAIS_CLUSTER: spec.id,
      AGLAIS_JAVA: installation.java,
      AGLAIS_JAVA_LACKS: installation.javaLacks,
      AGLAIS_CGROUP: cgroup ?? '',
      AGLAIS_LIMIT_BYTES: String(executorLimitMiB(shape) * 2 ** 20)
    }
  };
}

/** The content of a Java @argument file (JDK tool guide, "java Command-Line Argument Files"). */
export function argumentFile(values: readonly string[]): string {
  return values.map(value => `"${value.replace(/["\\]/g, '\\$&')}"\n`).join('');
}
