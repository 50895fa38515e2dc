/** Leases of this server. Names are ids of clusters, or of other tasks that only one server may do at a time. */
export interface LeaseHolder {
  /** This server got it and does not know that it lost it: it has the latest state. */
  holdsLease(name: string): boolean;
  /** This server may act on it right now. */
  hasValidLease(name: string): boolean;
  /** Acquires those that have no holder; returns all of them that this server then holds. */
  claim(names: readonly string[]): Promise<string[]>;
  /** Another server may acquire it from now on. */
  release(name: string): Promise<void>;
}

/** A single server holds everything. */
export const SINGLE_SERVER: LeaseHolder = {
  holdsLease: () => true,
  hasValidLease: () => true,
  claim: names => Promise.resolve([...names]),
  release: () => Promise.resolve()
};
