import type { Store } from './store.js';

/** A time on two clocks, because each may stand still: one while a machine sleeps, the other when it is set. */
export interface Moment {
  steady: number;
  wall: number;
}

/**
 * Leases that are checked and taken in the transaction of a write, where several servers write to one database. A server that
 * was frozen between its decision and its write is refused by them.
 */
export interface RowLeases {
  /** The time now, for `recordClaims`. */
  now(): Moment;
  /** Whether a name is still this server's. */
  isHolder(transaction: Store, name: string): Promise<boolean>;
  /** Takes names that nobody holds; which of them are this server's once the transaction is committed. */
  claimIn(transaction: Store, names: readonly string[]): Promise<string[]>;
  /** The transaction of `claimIn` is committed; it began at `began`. */
  recordClaims(names: readonly string[], began: Moment): void;
}
