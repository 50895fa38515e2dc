/** Problems of the server with a cluster, for people; one sentence per source. */
export class ClusterWarnings {
  private readonly warnings = new Map<string, Map<string, string>>();

  /** @param onChange the warnings of a cluster have changed */
  constructor(private readonly onChange: (cluster: string) => void) {}

  /** @param warning null: the problem is over */
  set(cluster: string, source: string, warning: string | null): void {
    const known = this.warnings.get(cluster);
    if ((known?.get(source) ?? null) === warning) return;
    const changed = new Map(known);
    if (warning === null) changed.delete(source);
    else changed.set(source, warning);
    if (changed.size === 0) this.warnings.delete(cluster);
    else this.warnings.set(cluster, changed);
    this.onChange(cluster);
  }

  of(cluster: string): string[] {
    return [...(this.warnings.get(cluster)?.values() ?? [])];
  }

  /** Clusters with a warning from this source. */
  count(source: string): number {
    return [...this.warnings.values()].filter(sources => sources.has(source)).length;
  }

  forget(cluster: string): void {
    this.warnings.delete(cluster);
  }
}

/** The warning about a resize that failed. */
export function sizeNotChanged(why: string): string {
  return `Spark was not resized: ${why}`;
}
