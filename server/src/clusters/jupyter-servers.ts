/** A Jupyter Server reports every 30 s. */
export const JUPYTER_SILENT_MS = 120_000;
/** A Jupyter Server that has not reported for this long is deleted, ms; one that returns reports all its kernels again. */
export const JUPYTER_FORGOTTEN_MS = 24 * 3_600_000;

/** Reports of Jupyter Servers: which kernels they have, and thereby that they are alive. */
export interface JupyterServers {
  heard(server: string, kernels: readonly string[]): Promise<void>;
  /** The Jupyter Server of a kernel, as last reported: a kernel may end before it is reported with its cluster. */
  jupyterServerOf(kernel: string): Promise<string | null>;
  /** Whether any has reported. */
  anyReported(): Promise<boolean>;
  /** Those that have not reported for so long that they must have exited. */
  silent(servers: readonly string[]): Promise<Set<string>>;
}

/** The state in memory, for a single server. */
export class LocalJupyterServers implements JupyterServers {
  /** The time of each one's last report, the oldest first. */
  private readonly lastReports = new Map<string, number>();
  private readonly homes = new Map<string, string>();
  private readonly openedAt: number;

  /** @param now a clock that stands still while the machine sleeps, ms */
  constructor(private readonly now: () => number = () => performance.now()) {
    this.openedAt = now();
  }

  heard(server: string, kernels: readonly string[]): Promise<void> {
    this.forgetKernels(server);
    for (const kernel of kernels) this.homes.set(kernel, server);
    this.lastReports.delete(server);
    this.lastReports.set(server, this.now());
    for (const [other, at] of this.lastReports) {
      if (this.now() - at < JUPYTER_FORGOTTEN_MS) break;
      this.lastReports.delete(other);
      this.forgetKernels(other);
    }
    return Promise.resolve();
  }

  jupyterServerOf(kernel: string): Promise<string | null> {
    return Promise.resolve(this.homes.get(kernel) ?? null);
  }

  anyReported(): Promise<boolean> {
    return Promise.resolve(this.lastReports.size > 0);
  }

  silent(servers: readonly string[]): Promise<Set<string>> {
    const isSilent = (server: string): boolean =>
      this.now() - (this.lastReports.get(server) ?? this.openedAt) >= JUPYTER_SILENT_MS;
    return Promise.resolve(new Set(servers.filter(isSilent)));
  }

  private forgetKernels(server: string): void {
    for (const [kernel, home] of this.homes) if (home === server) this.homes.delete(kernel);
  }
}
