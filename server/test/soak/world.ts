/** A driver that exists as far as the server can see. */
export interface SimulatedDriver {
  /** Runs a job; with `losses`, executors die meanwhile. */
  work(losses: boolean): Promise<void>;
  /** Its process is killed. */
  die(): void;
}

/** Where the server's clusters run. */
export interface World {
  /** What has to be reported to the server. */
  readonly environment: Record<string, string>;
  /** The address of the server's database. */
  readonly database: string;
  /** The driver of a cluster, once it runs and is ready. */
  driver(cluster: string): Promise<SimulatedDriver>;
  /** What is left of clusters that have ended; there should be none. */
  leftovers(): string[];
  close(): Promise<void>;
}
