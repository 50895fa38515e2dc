const UNITS: Record<string, number> = { b: 2 ** -20, k: 2 ** -10, m: 1, g: 2 ** 10, t: 2 ** 20 };

/**
 * Spark's size strings (`512m`, `1g`, `1024`, `2gb`) in MiB; null if it is none.
 * @param unit what a bare number means, by the property's definition: `m` or `b`.
 */
export function parseMiB(size: string | undefined, unit: 'm' | 'b' = 'm'): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgtb]?)(?:i?b)?\s*$/i.exec(size ?? '');
  return match ? Number(match[1]) * UNITS[(match[2] || unit).toLowerCase()]! : null;
}

/** The parts of an executor's memory by its Spark properties, MiB. */
export interface GrantedMemory {
  heapMiB: number;
  overheadMiB: number;
  /** `spark.executor.pyspark.memory`: a hard limit on each worker; null if there is none. */
  pysparkMiB: number | null;
  /**
   * What the cluster manager enforces: heap + overhead + off-heap + pyspark memory.
   * Null where nothing enforces it by itself (local, standalone).
   */
  limitMiB: number | null;
}

/**
 * Source: Spark's ResourceProfile and BasicExecutorFeatureStep. Overhead is what is set, else
 * max(384 MiB, factor × heap); the factor is 0.1 unless set (a Kubernetes cluster-mode submission
 * of PySpark sets 0.4 itself, and then it is in the properties).
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

/** Spark's time strings (`120s`, `2min`, `800ms`; a bare number is seconds) in s; null if it is none. */
export function parseSeconds(time: string | undefined): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(us|ms|s|m|min|h|d)?\s*$/.exec(time ?? '');
  if (!match) return null;
  const units = { us: 1e-6, ms: 1e-3, s: 1, m: 60, min: 60, h: 3600, d: 86_400 };
  return Number(match[1]) * units[(match[2] ?? 's') as keyof typeof units];
}
