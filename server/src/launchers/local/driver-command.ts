import { join } from 'node:path';
import type { ClusterSpec } from '../launcher.js';
import { LIMIT_FILE } from './executor-limits.js';
import {
  applicationId,
  archiveOptions,
  classPath,
  commonProperties,
  driverArguments,
  EXECUTOR_COMPILATION
} from '../spark-driver.js';

/** Locations of the parts of Spark, created by the setup. */
export interface SparkInstallation {
  /** A directory with `jars`, `conf` (empty), `work`, and the class-data archives `driver.jsa` and `executor.jsa`. */
  home: string;
  java: string;
  python: string;
  /** Scripts and sources in interpreters/spark. */
  scripts: string;
  /** A module that Spark needs and this Java does not have, or empty. */
  javaLacks: string;
  /** Existing archives. */
  archives: { driver: boolean; executor: boolean };
}

export interface DriverCommand {
  /** Lines of a Java @argument file, one argument each. */
  arguments: string[];
  environment: Record<string, string>;
}

/** A module that Spark needs. */
const VECTOR = 'jdk.incubator.vector';

/**
 * How to start the driver of a local cluster: a Spark Connect server on `local-cluster`, whose executors are separate
 * processes.
 * @param directory the cluster's directory
 * @param cgroup the cluster's memory cgroup, or null where there are none
 * @param jars file names in the home's `jars`
 * @param more Spark properties of the installation, which override the default ones
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
  const executorArchive = archives.executor ? archiveOptions(join(home, 'executor.jsa')) : [];
  const properties: Record<string, string> = {
    ...commonProperties(spec.id, shape, directory),
    'spark.master': `local-cluster[${shape.executors.max},${shape.executorCores},${shape.executorMemoryMiB}]`,
    'spark.deploy.appIdPattern': applicationId(spec.id),
    'spark.executorEnv.JAVA_HOME': join(home, 'executor'),
    'spark.local.dir': join(directory, 'scratch'),
    // Loopback only: the cluster cannot be reached from the network.
    'spark.driver.host': '127.0.0.1',
    'spark.driver.bindAddress': '127.0.0.1',
    'spark.connect.grpc.binding.port': '0',
    'spark.executor.extraJavaOptions': [...executorArchive, ...EXECUTOR_COMPILATION].join(' '),
    ...more
  };
  return {
    arguments: driverArguments({
      classPath: classPath(home, jars),
      heapMiB: shape.driverMemoryMiB,
      archive: archives.driver ? join(home, 'driver.jsa') : null,
      modules: installation.javaLacks ? [] : [VECTOR],
      temporary: join(directory, 'tmp'),
      properties
    }),
    environment: {
      SPARK_HOME: home,
      SPARK_SCALA_VERSION: '2.13',
      SPARK_LOCAL_IP: '127.0.0.1',
      PYSPARK_PYTHON: installation.python,
      // Not on the command line, which every user of the machine can read.
      SPARK_CONNECT_AUTHENTICATE_TOKEN: spec.token,
      AGLAIS_CLUSTER: spec.id,
      AGLAIS_JAVA: installation.java,
      AGLAIS_JAVA_LACKS: installation.javaLacks,
      AGLAIS_CGROUP: cgroup ?? '',
      AGLAIS_LIMIT_FILE: join(directory, LIMIT_FILE),
      ...(spec.warmUp && { AGLAIS_WARM_UP: join(installation.scripts, 'warm_up.py') })
    }
  };
}
