import { parseMiB } from './spark-conf.js';

/** The parts of an executor's memory according to its Spark properties, MiB. */
export interface GrantedMemory {
  heapMiB: number;
  overheadMiB: number;
  /** `spark.executor.pyspark.memory`: a hard limit for each worker; null without one. */
  pysparkMiB: number | null;
  /**
   * The limit that the cluster manager enforces: heap + overhead + off-heap + pyspark memory. Null where none is
   * enforced (local, standalone).
   */
  limitMiB: number | null;
}

/**
 * Source: Spark's ResourceProfile and BasicExecutorFeatureStep. The overhead is the configured one, otherwise max(384
 * MiB, factor × heap). The default factor is 0.1; for PySpark in cluster mode on Kubernetes spark-submit sets it to
 * 0.4, which then appears in the properties.
 */
export function grantedMemory(conf: Readonly<Record<string, string>>): GrantedMemory {
  const heapMiB = parseMiB(conf['spark.executor.memory']) ?? 1024;
  const factor = Number(
    conf['spark.executor.memoryOverheadFactor'] ??
      conf['spark.kubernetes.memoryOverheadFactor'] ??
      0.1
  );
  const least = parseMiB(conf['spark.executor.minMemoryOverhead']) ?? 384;
  const overheadMiB =
    parseMiB(conf['spark.executor.memoryOverhead'] ?? conf['spark.yarn.executor.memoryOverhead']) ??
    Math.max(least, Math.floor(factor * heapMiB));
  const offHeapMiB =
    conf['spark.memory.offHeap.enabled'] === 'true'
      ? (parseMiB(conf['spark.memory.offHeap.size'], 'b') ?? 0)
      : 0;
  const pysparkMiB = parseMiB(conf['spark.executor.pyspark.memory']);
  const enforced = /^(?:k8s|yarn)/.test(conf['spark.master'] ?? '');
  return {
    heapMiB,
    overheadMiB,
    pysparkMiB: pysparkMiB || null,
    limitMiB: enforced ? heapMiB + overheadMiB + offHeapMiB + (pysparkMiB ?? 0) : null
  };
}
