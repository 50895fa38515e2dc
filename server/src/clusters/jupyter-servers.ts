/** A Jupyter Server reports every 30 s. */
export const JUPYTER_SILENT_MS = 120_000;

/** What Jupyter Servers say of themselves: which kernels they have, and by that, that they are there. */
export interface JupyterServers {
  heard(server: string, kernels: readonly string[]): Promise<void>;
  /** The Jupyter Server of a kernel, as last reported: a kernel may end before it is reported with its cluster. */
  jupyterServerOf(kernel: string): Promise<string | null>;
  /** Whether any has reported. */
  anyReported(): Promise<boolean>;
  /** Those of them that have said nothing for so long that they must be gone. */
  silent(servers: readonly string[]): Promise<Set<string>>;
}

/** Told to the only server that there is. */
export class LocalJupyterServers implements JupyterServers {
  /** When each last spoke, on a clock that stands still while the machine sleeps. */
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
