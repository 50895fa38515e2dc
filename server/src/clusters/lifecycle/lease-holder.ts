/** Which clusters this server may act on. Names are ids of clusters, or what else only one server may do at a time. */
export interface LeaseHolder {
  /** It was given to this server and is not known to be lost: what this server knows of it is the newest. */
  holdsLease(name: string): boolean;
  /** This server may act on it in this moment. */
  hasValidLease(name: string): boolean;
  /** Takes those that nobody holds; which of them are this server's then. */
  claim(names: readonly string[]): Promise<string[]>;
  /** Another server may have it from now on. */
  release(name: string): Promise<void>;
}

/** Where there is one server, everything is its own. */
export const SINGLE_SERVER: LeaseHolder = {
  holdsLease: () => true,
  hasValidLease: () => true,
  claim: names => Promise.resolve([...names]),
  release: () => Promise.resolve()
};
