import type { Observation } from '@aglais/diagnosis';
import type { ClusterOption, LauncherKind, ResizeInPlace, Shape } from '@aglais/protocol';
import type { EvidenceSink } from '../evidence/evidence-sink.js';
import type { Capacity } from './capacity.js';

export type { EvidenceSink };

export interface SharePath {
  id: string;
  path: string;
}

/** Clusters of one size that are started before anybody asks. */
export interface SpareTarget {
  shape: Shape;
  count: number;
}

export interface ClusterSpec {
  id: string;
  shape: Shape;
  /** Only the cluster and its owner's kernel know it. */
  token: string;
  /** Statements that make the tables of the shares known. */
  catalogue: string[];
  /** Where the data of the shares are for Spark: a path, or the address of a store. */
  shares?: SharePath[];
  /** What the launcher's operator offers beyond the plain shape (a GPU, fast scratch), by its names. */
  options?: string[];
  /** Whose it is; launchers that keep users apart go by it. */
  user?: string;
  /** Run a few small queries once it is ready, at low priority where that can be taken back, so that its JVMs are warm. */
  warmUp?: boolean;
}

/** What exists of a cluster in the world now. */
export interface ObservedCluster {
  id: string;
  /** `interrupted`: a start left something but no driver; it has to be asked for again, or stopped. */
  state: 'interrupted' | 'starting' | 'ready' | 'exited';
  /** Set when ready. */
  url: string | null;
  /** Set when ready and reached by TLS: the only authority that its certificate may come from, PEM. */
  ca: string | null;
  /** What it waits for, in plain words: while it starts, or later for executors. */
  waitingFor: string | null;
  /** What would end the wait, in sentences; null where only patience would. */
  advice: string | null;
  /** When ready: tables of the shares that could not be made known, and why. */
  shareProblems: string[];
  /** When it has exited: why, in plain words. */
  exit: string | null;
  /** A pod of it finds no node. */
  unplaced?: boolean;
  /** When ready: the shape that is in force, as far as the launcher can tell. */
  shape?: Shape;
  /** When ready: why a part of it has less than its shape for good, in sentences. */
  shortfall?: string | null;
}

/**
 * The launcher could not do it now and may be able to soon: the machine or the API server is busy or away. Nothing was done that
 * a second call does not complete.
 */
export class TransientLauncherError extends Error {
  override readonly name = 'TransientLauncherError';

  /** @param retryAfterMs how long the other side asks to wait, ms */
  constructor(
    message: string,
    readonly retryAfterMs: number | null,
    options?: ErrorOptions
  ) {
    super(message, options);
  }
}

/** Why executors keep the limit that they have, in words for their user; nothing was changed. */
export class ResizeRefused extends Error {
  override readonly name = 'ResizeRefused';
}

/** Why executors have not come, not gone, or not got their new limit yet, in words for their user; it is tried further. */
export class ResizeIncomplete extends Error {
  override readonly name = 'ResizeIncomplete';
}

/** How a running cluster took another shape. */
export type Resized = 'live' | 'restart-needed' | { lost: string };

/** Where clusters run. One contract suite holds for all launchers (launcher.contract.ts). */
export interface Launcher {
  readonly kind: LauncherKind;
  /** What can be changed of a cluster while it runs. */
  readonly capabilities: { readonly resizeInPlace: ResizeInPlace };
  /** Why it is cut off from what it launches on, for operators; null or missing: it is not. */
  problem?(): string | null;
  /**
   * Starts the cluster unless it exists. Idempotent; may be interrupted at any moment and called again.
   * @throws TransientLauncherError if it is worth trying again
   */
  start(spec: ClusterSpec): Promise<void>;
  /** Ends whatever exists of the cluster and removes what it left, but for its evidence. Idempotent. */
  stop(id: string): Promise<void>;
  /** Removes the evidence of a cluster that was stopped long ago. Idempotent. */
  forget(id: string): Promise<void>;
  /** Another server has seen the cluster to its end: lets go of what is held open for it. Where servers share clusters. */
  over?(id: string): Promise<void>;
  /** The ids of all that exist, whoever started them. */
  list(): Promise<string[]>;
  observe(id: string): Promise<ObservedCluster | null>;
  /**
   * Reports clusters that may have changed, until the result is called; missing: they have to be observed often. A change may
   * be reported twice or, rarely, not at all.
   */
  watch?(onChange: (id: string) => void): () => void;
  /** Evidence from the beginning on, then as it comes, until the signal. */
  follow(id: string, sink: EvidenceSink, signal: AbortSignal): Promise<void>;
  /** Evidence of a cluster that is over, as far as it was kept; resolves when all of it was told. */
  replay(id: string, sink: EvidenceSink): Promise<void>;
  /** Adds what someone else observed to the cluster's evidence, so that it can be diagnosed again from files. */
  record(id: string, observation: Observation): Promise<void>;
  /**
   * Gives a running cluster this shape without restarting anything; `live` when it is in force, for executors that come
   * later too; with `lost`, it is in force and has cost something, in words for its user. `restart-needed`: a running Spark
   * cannot take it, and nothing was changed. Idempotent.
   * @throws ResizeRefused, ResizeIncomplete
   */
  resize(id: string, shape: Shape): Promise<Resized>;
  /** What can be asked for beyond a size. */
  offers(): readonly ClusterOption[];
  /**
   * What there is for clusters, as it is now.
   * @param options of the cluster that asks; its executors may need machines of their own kind
   */
  capacity(options?: readonly string[]): Promise<Capacity>;
  /** Lets go of what it holds open; clusters go on. */
  close(): Promise<void>;
}
