/** A Jupyter Server reports every 30 s. */
export const JUPYTER_SILENT_MS = 120_000;

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
  /** The time of each one's last report, by a clock that stops while the machine sleeps. */
  private readonly lastReports = new Map<string, number>();
  private readonly homes = new Map<string, string>();
  private readonly openedAt = performance.now();

  heard(server: string, kernels: readonly string[]): Promise<void> {
    this.lastReports.set(server, performance.now());
    for (const [kernel, home] of this.homes) if (home === server) this.homes.delete(kernel);
    for (const kernel of kernels) this.homes.set(kernel, server);
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
      performance.now() - (this.lastReports.get(server) ?? this.openedAt) >= JUPYTER_SILENT_MS;
    return Promise.resolve(new Set(servers.filter(isSilent)));
  }
}
