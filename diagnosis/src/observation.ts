/**
 * What was observed of an application, by whatever source. Readers (`evidence/`, `eventlog/`) turn
 * other people's formats into these; `Diagnosis.observe` takes them in any order, late and repeated.
 * All times are ms since the epoch, all memory is MiB.
 */

export type Outcome = 'running' | 'ok' | 'error' | 'cancelled';

/** Whose process something is about. */
export type SparkProcess = 'driver' | { executor: string };

/** One process of an executor's memory cgroup, as seen shortly before or at a kill. */
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
   * Whose it is: the executor's id, `driver` (Spark's own id of the driver), `kernel` for the
   * notebook's kernel, or `*` for one cgroup in which all executors live.
   */
  executor: string;
  at: number;
  /** Processes that the kernel's OOM killer has killed in it so far: cumulative. */
  oomKills: number;
  limitMiB: number;
  /** Most memory ever used; null if the kernel does not tell. */
  peakMiB: number | null;
  anonMiB?: number | null;
  processes?: ProcessMemory[];
  /** The counter's own words, e.g. `oom_kill 1`. */
  quote: string;
  ref: string;
}

/** A periodic sample of one process group's memory. */
export interface MemoryObservation {
  kind: 'memory';
  who: SparkProcess;
  at: number;
  limitMiB: number | null;
  rssMiB: number;
  pythonMiB: number | null;
  heapUsedMiB: number | null;
  heapLimitMiB: number | null;
  /** Only to be shown: it is not kept on record, so findings must not rest on it. */
  passing?: true;
}

/** The kernel says that a run of a cell began or ended. */
export interface CellObservation {
  kind: 'cell';
  cell: string;
  run: number;
  outcome: Outcome;
  at: number;
  error?: { name: string; message: string };
}

/** The notebook's kernel ended, and nobody had asked it to. */
export interface KernelDeathObservation {
  kind: 'kernel-died';
  at: number;
  /** Of its process, as Python has it: -9 is the signal 9. Null if not known. */
  exitCode: number | null;
  /** The run of a cell that it was at, if that used Spark. */
  cell: string | null;
  run: number | null;
  /** Processes that were killed for memory in its cgroup since it was last seen alive. */
  killed: number;
  limitMiB: number | null;
  /** The counter's own words, e.g. `oom_kill 1`; empty if there is none. */
  quote: string;
  ref: string;
}

/** A record (a line and what belongs to it) of a driver's or executor's own log that says something. */
export interface LogObservation {
  kind: 'log';
  who: SparkProcess;
  /** Null where the log's time has no zone, as in Spark's own layout. */
  at: number | null;
  text: string;
  ref: string;
}

/** How a container ended, now or the last time. */
export interface ContainerEnd {
  container: string;
  exitCode: number;
  /** Kubernetes' word: `OOMKilled`, `Error`, `Completed`, `StartError`, … */
  reason: string | null;
  message: string | null;
  at: number | null;
}

/** Words of Kubernetes with their time. */
export interface StatusReason {
  reason: string;
  message: string | null;
  at: number | null;
}

/** One status of a pod, reduced to what decides something. */
export interface PodObservation {
  kind: 'pod';
  name: string;
  uid: string;
  /** By Spark's labels; `kernel`: a notebook server. Null: the pod does not say. */
  role: 'driver' | 'executor' | 'kernel' | null;
  /** `spark-exec-id`. */
  executor: string | null;
  /** `spark-app-selector`: the application's id. */
  application: string | null;
  /** Orders statuses of one pod: its resourceVersion, 0 if it has none. */
  version: number;
  /** When its deletion was asked for. */
  deletedAt: number | null;
  scheduled: boolean;
  /** A container of it has run. */
  ran: boolean;
  ends: ContainerEnd[];
  /** A container waits for this (`ImagePullBackOff`), while none has run. */
  waiting: StatusReason | null;
  /** Why no node takes it. */
  unschedulable: StatusReason | null;
  /** The pod's own reason (`Evicted`, `OutOfmemory`, `Shutdown`), else its DisruptionTarget's. */
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

/** What YARN says of an application, or of one of its containers. */
export interface YarnObservation {
  kind: 'yarn';
  application: string | null;
  /** The container that the words are about; null: the application. */
  container: string | null;
  /** ACCEPTED, RUNNING, FINISHED, FAILED or KILLED. */
  state: string | null;
  diagnostics: string;
  at: number | null;
  ref: string;
}

/** An exception as the client (the notebook) got it. */
export interface ClientObservation {
  kind: 'client';
  name: string;
  message: string;
  /** The cell that it ended, if that is known. */
  cell: string | null;
  run: number | null;
  at: number | null;
  ref: string;
}

/** The most that is free on any one node: of each, not necessarily of the same node. */
export interface FreeCapacity {
  memoryMiB: number;
  cores: number;
}

/** What the nodes that pods of this application may use had free while one of them waited for a place. */
export interface CapacityObservation extends FreeCapacity {
  kind: 'capacity';
  at: number;
  ref: string;
}

/** What a health probe found at a catalogue that is mounted for Spark, when that had changed. */
export interface ShareObservation {
  kind: 'share';
  share: string;
  available: boolean;
  /** Why it is not available: it does not answer at all, or answers that there is nothing. */
  state?: 'hung' | 'gone';
  /** When this was found out. */
  at: number;
  /** When the look began that was not answered well. */
  since?: number;
  message: string;
  ref: string;
}

/** The clock of whoever watches: what hangs writes no events, and must be noticed nevertheless. */
export interface TimeObservation {
  kind: 'time';
  at: number;
}

/** No more will come: an offline log was read to its end, or a watched driver is gone. */
export interface EndObservation {
  kind: 'end';
}

/** One piece of evidence, from whatever source. Different sources may come in any order, and late. */
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
