import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Logger } from 'pino';
import type { Store } from '../store/store.js';
import { RESIZE_LEASE_PREFIX } from '../clusters/cluster-shapes.js';
import type { LeaseHolder } from '../clusters/lifecycle/lease-holder.js';
import { databaseTime, revised } from '../store/revisions.js';
import type { Moment, RowLeases } from '../store/row-leases.js';
import type { ServerLoad } from './balance.js';

const moment = (): Moment => ({ steady: performance.now(), wall: Date.now() });
const since = ({ steady, wall }: Moment): number =>
  Math.max(performance.now() - steady, Date.now() - wall);

/** A lease that is not renewed expires after this time, by the clock of the database, ms. */
const LEASE_MS = 10_000;
const RENEW_MS = 2_500;
/**
 * Its holder acts on it for this long after the start of its last renewal; the rest is a margin for running calls, ms.
 */
const ACT_MS = 6_500;

/** Each running server holds a lease with this prefix and its own name. */
const SERVER_PREFIX = 'server ';

/** Leases of clusters and of other tasks, in SQL: expired leases of ended clusters are irrelevant. */
const RESIZE_PREFIX = sql.lit(RESIZE_LEASE_PREFIX);

/**
 * Leases in the database, by its clock. A server that was frozen finds its leases too old to act on, and its writes are
 * rejected by `isHolder` in their transaction. Leases are renewed on a separate connection: slow or many queries do not
 * endanger them.
 */
export class Leases implements LeaseHolder, RowLeases {
  /** Identifies this process of the server; unique forever. */
  readonly holder = randomBytes(8).toString('hex');
  /** By name: when its latest renewal started. */
  private readonly held = new Map<string, Moment>();
  /** Names that this server is giving up (Infinity), or has, and when: a renewal that began before may still return them. */
  private readonly leaving = new Map<string, number>();
  private granted: string[] = [];
  private readonly abort = new AbortController();
  private renewing: Promise<void> = Promise.resolve();
  private connectedSince = moment();
  private lastConnected = moment();

  /** @param renewals the connection on which leases are renewed; other queries use `store` */
  constructor(
    private readonly store: Store,
    private readonly log: Logger,
    private readonly renewals: Store = store
  ) {}

  open(): void {
    this.renewing = this.renewForever();
  }

  /** Releases everything, so that other servers need not wait for it to expire. */
  async close(): Promise<void> {
    this.abort.abort();
    await this.renewing;
    this.held.clear();
    await this.renewals.deleteFrom('leases').where('holder', '=', this.holder).execute();
  }

  /** For how long this server has had an unbroken connection to the database, ms. */
  connectedMs(): number {
    return since(this.lastConnected) > LEASE_MS
      ? 0
      : performance.now() - this.connectedSince.steady;
  }

  holdsLease(name: string): boolean {
    return this.held.has(name);
  }

  hasValidLease(name: string): boolean {
    const renewed = this.held.get(name);
    return renewed !== undefined && since(renewed) < ACT_MS;
  }

  async claim(names: readonly string[]): Promise<string[]> {
    const mine = names.filter(name => this.hasValidLease(name));
    const others = names.filter(name => !mine.includes(name));
    if (others.length === 0) return mine;
    // Read first, because leases of others are requested repeatedly.
    const busy = await this.store
      .selectFrom('leases')
      .select('name')
      .where('name', 'in', others)
      .where('holder', '!=', this.holder)
      .where('expires_at', '>=', databaseTime(this.store))
      .execute();
    const taken = new Set(busy.map(({ name }) => name));
    const free = others.filter(name => !taken.has(name));
    if (free.length === 0) return mine;
    const began = moment();
    const claimed = await revised(this.store, transaction => this.claimIn(transaction, free));
    this.recordClaims(claimed, began);
    return [...mine, ...claimed];
  }

  async claimIn(transaction: Store, names: readonly string[]): Promise<string[]> {
    const time = databaseTime(transaction);
    const expires_at = sql<number>`${time} + ${sql.lit(LEASE_MS)}`;
    const claimed = await transaction
      .insertInto('leases')
      .values(names.map(name => ({ name, holder: this.holder, expires_at })))
      .onConflict(conflict =>
        conflict
          .column('name')
          .doUpdateSet({ holder: this.holder, expires_at })
          .where(or =>
            or.or([or('leases.holder', '=', this.holder), or('leases.expires_at', '<', time)])
          )
      )
      .returning('name')
      .execute();
    return claimed.map(({ name }) => name);
  }

  now(): Moment {
    return moment();
  }

  recordClaims(names: readonly string[], began: Moment): void {
    if (this.abort.signal.aborted) return;
    for (const name of names) this.held.set(name, began);
  }

  /** The clusters without a lease, except ended ones. */
  async free(): Promise<string[]> {
    const time = databaseTime(this.store);
    const rows = await this.store
      .selectFrom('clusters')
      .leftJoin('leases', 'leases.name', 'clusters.id')
      .select('clusters.id')
      .where(or => or.or([or('desired', '=', 'running'), or('clusters.stopped_at', 'is', null)]))
      .where(or => or.or([or('expires_at', 'is', null), or('expires_at', '<', time)]))
      .execute();
    return rows.map(({ id }) => id);
  }

  /** Names with this prefix that a server held and did not release before its end. */
  async abandoned(prefix: string): Promise<string[]> {
    const rows = await this.store
      .selectFrom('leases')
      .select('name')
      .where('name', 'like', `${prefix}%`)
      .where('expires_at', '<', databaseTime(this.store))
      .execute();
    return rows.map(({ name }) => name);
  }

  /** Whether this server still holds it; checked in the transaction of a write that only the holder may do. */
  async isHolder(transaction: Store, name: string): Promise<boolean> {
    return (await this.heldOf(transaction, [name])).has(name);
  }

  /** The same for several. */
  async heldOf(transaction: Store, names: readonly string[]): Promise<Set<string>> {
    const rows = await transaction
      .selectFrom('leases')
      .select('name')
      .where('name', 'in', [...names])
      .where('holder', '=', this.holder)
      .execute();
    return new Set(rows.map(({ name }) => name));
  }

  async release(name: string): Promise<void> {
    if (!this.held.has(name)) return;
    await this.giveUp([name], () =>
      this.store
        .deleteFrom('leases')
        .where('name', '=', name)
        .where('holder', '=', this.holder)
        .execute()
    );
  }

  /** This server takes clusters from others from now on. */
  async announce(): Promise<void> {
    await this.claim([SERVER_PREFIX + this.holder]);
  }

  /** The servers that run, and how many clusters each holds. */
  async loads(): Promise<ServerLoad[]> {
    const time = databaseTime(this.store);
    const rows = await this.store
      .selectFrom('leases as server')
      .leftJoin('leases as lease', 'lease.holder', 'server.holder')
      .leftJoin('clusters', 'clusters.id', 'lease.name')
      .select(({ fn }) => ['server.holder', fn.count<string>('clusters.id').as('clusters')])
      .where('server.name', 'like', `${SERVER_PREFIX}%`)
      .where('server.expires_at', '>=', time)
      .groupBy('server.holder')
      .execute();
    return rows.map(({ holder, clusters }) => ({ holder, clusters: Number(clusters) }));
  }

  /**
   * Gives leases to another server that runs.
   * @param settle ends what this server does with them; they are nobody's to act on meanwhile
   */
  async handOver(names: readonly string[], to: string, settle: () => Promise<void>): Promise<void> {
    await this.giveUp(names, async () => {
      await settle();
      await revised(this.store, transaction => {
        const time = databaseTime(transaction);
        const runs = transaction
          .selectFrom('leases')
          .select('name')
          .where('name', '=', SERVER_PREFIX + to)
          .where('expires_at', '>=', time);
        return transaction
          .updateTable('leases')
          .set({ holder: to, expires_at: sql<number>`${time} + ${sql.lit(LEASE_MS)}` })
          .where('name', 'in', [...names])
          .where('holder', '=', this.holder)
          .where(builder => builder.exists(runs))
          .execute();
      });
    });
  }

  /** Leases that other servers gave to this one since the last call. */
  takeGranted(): string[] {
    const granted = this.granted.filter(name => this.held.has(name));
    this.granted = [];
    return granted;
  }

  private async giveUp(names: readonly string[], work: () => Promise<unknown>): Promise<void> {
    for (const name of names) {
      this.held.delete(name);
      this.leaving.set(name, Infinity);
    }
    try {
      await work();
    } finally {
      for (const name of names) this.leaving.set(name, performance.now());
    }
  }

  /** Deletes expired leases of ended clusters, left by a server that was killed. */
  async deleteExpired(): Promise<void> {
    const unfinished = this.store
      .selectFrom('clusters')
      .where(or => or.or([or('desired', '=', 'running'), or('clusters.stopped_at', 'is', null)]));
    await this.store
      .deleteFrom('leases')
      .where('expires_at', '<', databaseTime(this.store))
      .where('name', 'not in', unfinished.select('id'))
      .where('name', 'not in', unfinished.select(sql<string>`${RESIZE_PREFIX} || id`.as('name')))
      .execute();
  }

  /** Renews all leases at once; those that another server has acquired are lost from then on. */
  protected async renew(): Promise<void> {
    const before = [...this.held.keys()];
    const began = moment();
    const time = databaseTime(this.renewals);
    const renewed = await this.renewals
      .updateTable('leases')
      .set({ expires_at: sql<number>`${time} + ${sql.lit(LEASE_MS)}` })
      .where('holder', '=', this.holder)
      .returning('name')
      .execute();
    const mine = new Set(renewed.map(({ name }) => name));
    for (const name of mine) {
      const isLeaving = (this.leaving.get(name) ?? -Infinity) >= began.steady;
      if (this.held.has(name) || isLeaving || this.abort.signal.aborted) continue;
      this.held.set(name, began);
      this.granted.push(name);
    }
    for (const [name, at] of this.leaving) if (at < began.steady) this.leaving.delete(name);
    for (const name of before) {
      if (!this.held.has(name)) continue;
      if (mine.has(name)) this.held.set(name, began);
      else {
        this.held.delete(name);
        this.log.warn({ lease: name }, 'Another server holds this lease now.');
      }
    }
    if (since(this.lastConnected) > LEASE_MS) this.connectedSince = moment();
    this.lastConnected = moment();
  }

  private async renewForever(): Promise<void> {
    while (!this.abort.signal.aborted) {
      await this.renew().catch((error: unknown) =>
        this.log.error({ err: error }, 'Leases were not renewed; retrying.')
      );
      await sleep(RENEW_MS, undefined, { signal: this.abort.signal }).catch(() => undefined);
    }
  }
}
