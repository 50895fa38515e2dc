import type { Store } from './store.js';

/** A time on two clocks, because each may be wrong: one stops while a machine sleeps, the other can be set. */
export interface Moment {
  steady: number;
  wall: number;
}

/**
 * Leases that are checked and acquired in the transaction of a write, with several servers on one database. They reject
 * a server that was frozen between its decision and its write.
 */
export interface RowLeases {
  /** The current time, for `recordClaims`. */
  now(): Moment;
  /** Whether this server still holds a lease. */
  isHolder(transaction: Store, name: string): Promise<boolean>;
  /** Acquires free leases; this server holds them once the transaction is committed. */
  claimIn(transaction: Store, names: readonly string[]): Promise<string[]>;
  /** The transaction of `claimIn` is committed; it started at `began`. */
  recordClaims(names: readonly string[], began: Moment): void;
}
