/**
 * Observations of an application, from any source. Readers (`evidence/`, `eventlog/`) convert foreign formats to these;
 * `Diagnosis.observe` accepts them in any order, late and repeated. All times are ms since the epoch, all memory is
 * MiB.
 */

export type Outcome = 'running' | 'ok' | 'error' | 'cancelled';

/** The process that something is about. */
export type SparkProcess = 'driver' | { executor: string };

/** One process of an executor's memory cgroup, shortly before or at a kill. */
export interface ProcessMemory {
  pid: number;
  /** `java`, `python`, or the command's name. */
  name: string;
  rssMiB: number;
}

/** The counters of one memory cgroup (v1 or v2). */
export interface CgroupObservation {
  kind: 'cgroup';
  /**
   * Its owner: the id of the executor, `driver` (Spark's own id of the driver), `kernel` for the kernel of the
   * notebook, or `*` for a cgroup shared by all executors.
   */
  executor: string;
  at: number;
  /** Number of OOM kills in it so far: cumulative. */
  oomKills: number;
  limitMiB: number;
  /** Peak memory; null if the kernel does not report it. */
  peakMiB: number | null;
  anonMiB?: number | null;
  processes?: ProcessMemory[];
  /** The counter verbatim, for example `oom_kill 1`. */
  quote: string;
  ref: string;
}

/** A periodic memory sample of one process group. */
export interface MemoryObservation {
  kind: 'memory';
  who: SparkProcess;
  at: number;
  limitMiB: number | null;
  rssMiB: number;
  pythonMiB: number | null;
  heapUsedMiB: number | null;
  heapLimitMiB: number | null;
  /** For display only: it is not recorded, so findings must not depend on it. */
  passing?: true;
}

/** The kernel reports that a run of a cell started or ended. */
export interface CellObservation {
  kind: 'cell';
  cell: string;
  run: number;
  outcome: Outcome;
  at: number;
  error?: { name: string; message: string };
}

/** The kernel of the notebook exited unexpectedly. */
export interface KernelDeathObservation {
  kind: 'kernel-died';
  at: number;
  /** Exit code of its process, as in Python: -9 is signal 9. Null if unknown. */
  exitCode: number | null;
  /** The run of a cell that was executing, if it used Spark. */
  cell: string | null;
  run: number | null;
  /** OOM kills in its cgroup since it was last seen alive. */
  killed: number;
  limitMiB: number | null;
  /** The counter verbatim, for example `oom_kill 1`; empty if there is none. */
  quote: string;
  ref: string;
}

/** A record (a line and what belongs to it) of the log of a driver or executor that matters. */
export interface LogObservation {
  kind: 'log';
  who: SparkProcess;
  /** Null if the log's time has no time zone, as in Spark's own layout. */
  at: number | null;
  text: string;
  ref: string;
}

/** How a container ended, now or the last time. */
export interface ContainerEnd {
  container: string;
  exitCode: number;
  /** The reason in Kubernetes: `OOMKilled`, `Error`, `Completed`, `StartError`, … */
  reason: string | null;
  message: string | null;
  at: number | null;
}

/** A message of Kubernetes with its time. */
export interface StatusReason {
  reason: string;
  message: string | null;
  at: number | null;
}

/** One status of a pod, reduced to what matters. */
export interface PodObservation {
  kind: 'pod';
  name: string;
  uid: string;
  /** From Spark's labels; `kernel`: a notebook server. Null: unknown. */
  role: 'driver' | 'executor' | 'kernel' | null;
  /** `spark-exec-id`. */
  executor: string | null;
  /** `spark-app-selector`: the application's id. */
  application: string | null;
  /** Orders the statuses of one pod: its resourceVersion, 0 if it has none. */
  version: number;
  /** When its deletion was requested. */
  deletedAt: number | null;
  scheduled: boolean;
  /** One of its containers has run. */
  ran: boolean;
  ends: ContainerEnd[];
  /** The reason why a container is waiting (`ImagePullBackOff`), while none has run. */
  waiting: StatusReason | null;
  /** Why it cannot be scheduled. */
  unschedulable: StatusReason | null;
  /**
   * The pod's own reason (`Evicted`, `OutOfmemory`, `Shutdown`), otherwise the one of its DisruptionTarget condition.
   */
  disrupted: StatusReason | null;
  limitMiB: number | null;
  requestMiB: number | null;
  node: string | null;
  ref: string;
}

/** An Event of Kubernetes about a pod. */
export interface PodEventObservation {
  kind: 'pod-event';
  name: string;
  uid: string;
  reason: string;
  message: string;
  at: number | null;
  count: number;
  ref: string;
}

/** YARN's report about an application or one of its containers. */
export interface YarnObservation {
  kind: 'yarn';
  application: string | null;
  /** The container that the report is about; null: the application. */
  container: string | null;
  /** ACCEPTED, RUNNING, FINISHED, FAILED or KILLED. */
  state: string | null;
  diagnostics: string;
  at: number | null;
  ref: string;
}

/** An exception as the client (the notebook) received it. */
export interface ClientObservation {
  kind: 'client';
  name: string;
  message: string;
  /** The cell that it ended, if known. */
  cell: string | null;
  run: number | null;
  at: number | null;
  ref: string;
}

/** The largest free amount of each resource on any node, not necessarily the same node. */
export interface FreeCapacity {
  memoryMiB: number;
  cores: number;
}

/** Free capacity of the nodes that pods of this application may use, while one of them was pending. */
export interface CapacityObservation extends FreeCapacity {
  kind: 'capacity';
  at: number;
  ref: string;
}

/** A change in the state of a mounted catalogue, according to its probe. */
export interface ShareObservation {
  kind: 'share';
  share: string;
  available: boolean;
  /** Why it is unavailable: it does not respond, or reports that nothing is there. */
  state?: 'hung' | 'gone';
  /** When this was detected. */
  at: number;
  /** When the failed probe started. */
  since?: number;
  message: string;
  ref: string;
}

/** The observer's clock: a process that hangs logs no events, and must be detected nevertheless. */
export interface TimeObservation {
  kind: 'time';
  at: number;
}

/** No more will arrive: an offline log was read to its end, or a watched driver is gone. */
export interface EndObservation {
  kind: 'end';
}

/** One piece of evidence, from any source. Different sources may arrive in any order, and late. */
export type Observation =
  | { kind: 'event'; event: unknown; ref: string }
  | CgroupObservation
  | MemoryObservation
  | CellObservation
  | KernelDeathObservation
  | LogObservation
  | PodObservation
  | PodEventObservation
  | YarnObservation
  | ClientObservation
  | CapacityObservation
  | ShareObservation
  | TimeObservation
  | EndObservation;
