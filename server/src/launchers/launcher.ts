import type { Observation } from '@aglais/diagnosis';
import type { ClusterOption, LauncherKind, ResizeInPlace, Shape } from '@aglais/protocol';
import type { EvidenceSink } from '../evidence/evidence-sink.js';
import type { Capacity } from './capacity.js';

export type { EvidenceSink };

export interface SharePath {
  id: string;
  path: string;
}

/** Clusters of one size that are started in advance. */
export interface SpareTarget {
  shape: Shape;
  count: number;
}

export interface ClusterSpec {
  id: string;
  shape: Shape;
  /** Only the cluster and its owner's kernel know it. */
  token: string;
  /** Statements that register the tables of the shares. */
  catalogue: string[];
  /** The locations of the shares' data for Spark: paths, or URLs of a store. */
  shares?: SharePath[];
  /** Names of options that the operator offers in addition to the shape (a GPU, fast scratch). */
  options?: string[];
  /** Its owner; launchers that separate users depend on it. */
  user?: string;
  /** Run a few small queries once it is ready, at low priority where that can be taken back, so that its JVMs are warm. */
  warmUp?: boolean;
}

/** The observed state of a cluster. */
export interface ObservedCluster {
  id: string;
  /** `interrupted`: a start left objects but no driver; it has to be started again, or stopped. */
  state: 'interrupted' | 'starting' | 'ready' | 'exited';
  /** Set when ready. */
  url: string | null;
  /** Set when ready with TLS: the only CA that may have signed its certificate, PEM. */
  ca: string | null;
  /** What it is waiting for, for people: while it starts, or later for executors. */
  waitingFor: string | null;
  /** What would end the wait, in sentences; null if nothing but time. */
  advice: string | null;
  /** When ready: tables of the shares that could not be registered, and why. */
  shareProblems: string[];
  /** When it has exited: why, for people. */
  exit: string | null;
  /** One of its pods is unschedulable. */
  unplaced?: boolean;
  /** When ready: the shape in effect, as far as the launcher knows it. */
  shape?: Shape;
  /** When ready: why some executors permanently have less memory than the shape, for people. */
  shortfall?: string | null;
}

/** What all observations start from. */
export const NOT_READY: Omit<ObservedCluster, 'id' | 'state'> = {
  url: null,
  ca: null,
  waitingFor: null,
  advice: null,
  exit: null,
  shareProblems: []
};

/**
 * A temporary failure of the launcher: the machine or the API server is busy or unavailable. A second call completes
 * what was started.
 */
export class TransientLauncherError extends Error {
  override readonly name = 'TransientLauncherError';

  /** @param retryAfterMs the delay that the other side requests, ms */
  constructor(
    message: string,
    readonly retryAfterMs: number | null,
    options?: ErrorOptions
  ) {
    super(message, options);
  }
}

/** Why executors keep their limit, for the user; nothing was changed. */
export class ResizeRefused extends Error {
  override readonly name = 'ResizeRefused';
}

/** Why executors have not started, stopped, or got their new limit yet, for the user; it is retried. */
export class ResizeIncomplete extends Error {
  override readonly name = 'ResizeIncomplete';
}

/** How a running cluster was resized. */
export type Resized = 'live' | 'restart-needed' | { lost: string };

/** Runs clusters. One contract test suite applies to all launchers (launcher.contract.ts). */
export interface Launcher {
  readonly kind: LauncherKind;
  /** What can be changed of a cluster while it runs. */
  readonly capabilities: { readonly resizeInPlace: ResizeInPlace };
  /** Why it has no connection to its platform, for operators; null or missing: it has. */
  problem?(): string | null;
  /**
   * Starts the cluster unless it exists. Idempotent; may be interrupted at any point and called again.
   * @throws TransientLauncherError if it is worth a retry
   */
  start(spec: ClusterSpec): Promise<void>;
  /** Stops whatever exists of the cluster and removes what is left, except its evidence. Idempotent. */
  stop(id: string): Promise<void>;
  /** Removes the evidence of a cluster that was stopped long ago. Idempotent. */
  forget(id: string): Promise<void>;
  /** Another server has completed its end: releases its resources. Only with several servers. */
  over?(id: string): Promise<void>;
  /** The ids of all existing clusters, including those that other servers started. */
  list(): Promise<string[]>;
  observe(id: string): Promise<ObservedCluster | null>;
  /**
   * Reports clusters that may have changed, until the result is called; missing: they have to be polled. A change may
   * be reported twice or, rarely, not at all.
   */
  watch?(onChange: (id: string) => void): () => void;
  /** Evidence from the start, then as it arrives, until aborted. */
  follow(id: string, sink: EvidenceSink, signal: AbortSignal): Promise<void>;
  /** The stored evidence of an ended cluster; resolves when all of it was delivered. */
  replay(id: string, sink: EvidenceSink): Promise<void>;
  /** Adds another source's observation to the cluster's evidence, so that it can be diagnosed again from files. */
  record(id: string, observation: Observation): Promise<void>;
  /**
   * Resizes a running cluster without a restart; `live` when the shape is in effect, for executors that start later,
   * too; with `lost`, what was lost by it, for the user. `restart-needed`: a running Spark cannot be resized this way,
   * and nothing was changed. Idempotent.
   * @throws ResizeRefused, ResizeIncomplete
   */
  resize(id: string, shape: Shape): Promise<Resized>;
  /** Options that can be requested in addition to the shape. */
  offers(): readonly ClusterOption[];
  /**
   * The current capacity for clusters.
   * @param options of the requesting cluster; its executors may need specific nodes
   */
  capacity(options?: readonly string[]): Promise<Capacity>;
  /** Releases its resources; clusters keep running. */
  close(): Promise<void>;
}
