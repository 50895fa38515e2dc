import { join } from 'node:path';
import type { Shape } from '@aglais/protocol';

/** Packages that Spark opens (`JavaModuleOptions` of Spark 4.3). */
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

const MAIN = 'org.apache.spark.sql.connect.service.SparkConnectServer';

/** Options of a JVM that maps a class-data archive, and starts without one (only slower) if it cannot be used. */
export const archiveOptions = (path: string) => [
  `-XX:SharedArchiveFile=${path}`,
  '-Xlog:cds=off',
  '-Xlog:cds+dynamic=off',
  '-Xshare:auto'
];

/**
 * Compilation of executors: the optimising compiler begins ten times later than by default. Most of what a first query runs is
 * then compiled by the fast compiler alone, which saves a third of the executors' CPU time; longer queries were not slower
 * (docs/measurements.md). Names and defaults: HotSpot's `compiler_globals.hpp`.
 */
export const EXECUTOR_COMPILATION = [
  '-XX:Tier4InvocationThreshold=50000',
  '-XX:Tier4MinInvocationThreshold=6000',
  '-XX:Tier4CompileThreshold=150000',
  '-XX:Tier4BackEdgeThreshold=400000'
];

/** The application id in Spark; the cluster's own id, because Spark's default ids collide within a second. */
export const applicationId = (cluster: string) => `app-${cluster}`;

/**
 * The class path of executors as Spark builds it. The driver must use exactly the same: class-data archives are
 * rejected for any other.
 */
export function classPath(home: string, jars: readonly string[]): string {
  const slf4j = jars.find(jar => jar.startsWith('slf4j-api-')) ?? 'slf4j-api.jar';
  return [`${home}/conf/`, `${home}/jars/${slf4j}`, `${home}/jars/*`].join(':');
}

/**
 * Spark properties of every driver, for all launchers.
 * @param directory the cluster's directory; its layout is the same everywhere (docs/decisions/002)
 */
export function commonProperties(
  id: string,
  shape: Shape,
  directory: string
): Record<string, string> {
  return {
    'spark.app.name': 'aglais',
    // The JVM already has it; this is for readers of the event log.
    'spark.driver.memory': `${shape.driverMemoryMiB}m`,
    'spark.executor.memory': `${shape.executorMemoryMiB}m`,
    'spark.executor.memoryOverhead': `${shape.executorOverheadMiB}m`,
    'spark.executor.cores': String(shape.executorCores),
    'spark.executor.heartbeatInterval': '3s',
    'spark.executor.extraJavaOptions': EXECUTOR_COMPILATION.join(' '),
    'spark.sql.warehouse.dir': join(directory, 'warehouse'),
    'spark.sql.catalogImplementation': 'in-memory',
    'spark.sql.shuffle.partitions': String(
      Math.max(8, shape.executors.max * shape.executorCores * 2)
    ),
    'spark.ui.enabled': 'false',
    'spark.connect.grpc.binding.address': '127.0.0.1',
    // A spare's session waits for its notebook; what is idle for too long is ended as a whole.
    'spark.connect.session.manager.defaultSessionTimeout': '-1',
    'spark.eventLog.enabled': 'true',
    'spark.eventLog.dir': `file://${join(directory, 'eventlog')}`,
    'spark.eventLog.compress': 'false',
    'spark.eventLog.rolling.enabled': 'false',
    'spark.eventLog.logBlockUpdates.enabled': 'true',
    'spark.eventLog.logStageExecutorMetrics': 'true',
    'spark.extraListeners': 'aglais.LiveEvents,aglais.Readiness',
    'spark.aglais.liveEvents': join(directory, 'live.jsonl'),
    'spark.aglais.catalogue': join(directory, 'catalogue.sql'),
    'spark.aglais.ready': join(directory, 'ready')
  };
}

/** The parameters of a driver's JVM. */
export interface DriverJava {
  /** Null: the image sets it. */
  classPath: string | null;
  heapMiB: number;
  /** A class-data archive; null: there is none, or the image sets it. */
  archive: string | null;
  /** Modules that Spark needs and this Java has. */
  modules: readonly string[];
  temporary: string;
  properties: Readonly<Record<string, string>>;
}

/** Arguments of a driver's JVM, ending with its main class. */
export function driverArguments(java: DriverJava): string[] {
  return [
    ...(java.classPath === null ? [] : ['-cp', java.classPath]),
    `-Xmx${java.heapMiB}m`,
    // The driver only plans; compiling its code fully would delay the first answer.
    '-XX:TieredStopAtLevel=1',
    // Exit on OutOfMemoryError: otherwise a driver out of memory would answer with "TaskResultLost".
    '-XX:+ExitOnOutOfMemoryError',
    ...(java.archive ? archiveOptions(java.archive) : []),
    '-XX:+IgnoreUnrecognizedVMOptions',
    ...java.modules.map(name => `--add-modules=${name}`),
    ...OPENED.map(name => `--add-opens=${name}=ALL-UNNAMED`),
    '-Dio.netty.tryReflectionSetAccessible=true',
    `-Djava.io.tmpdir=${java.temporary}`,
    ...Object.entries(java.properties).map(([key, value]) => `-D${key}=${value}`),
    MAIN
  ];
}

/** The content of a Java @argument file (JDK tool guide, "java Command-Line Argument Files"). */
export function argumentFile(values: readonly string[]): string {
  return values.map(value => `"${value.replace(/["\\]/g, '\\$&')}"\n`).join('');
}
