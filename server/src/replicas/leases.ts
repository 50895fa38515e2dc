import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Logger } from 'pino';
import type { Store } from '../store/store.js';
import type { LeaseHolder } from '../clusters/lifecycle/lease-holder.js';
import { databaseTime, revised } from '../store/revisions.js';
import type { Moment, RowLeases } from '../store/row-leases.js';

const moment = (): Moment => ({ steady: performance.now(), wall: Date.now() });
const since = ({ steady, wall }: Moment): number =>
  Math.max(performance.now() - steady, Date.now() - wall);

/** A lease that is not renewed is anybody's after this, by the clock of the database, ms. */
const LEASE_MS = 10_000;
const RENEW_MS = 2_500;
/** Its holder acts on it for so long after it began to renew it; the rest is for what is on its way, ms. */
const ACT_MS = 6_500;

/**
 * Leases in the database, by its clock. A server that was frozen finds them too old to act on, and gone when it asks; what
 * it writes is refused by `isHolder` in the transaction that writes.
 */
export class Leases implements LeaseHolder, RowLeases {
  /** This server's process, and no other that there ever was. */
  readonly me = randomBytes(8).toString('hex');
  /** By name: when its newest renewal began. */
  private readonly held = new Map<string, Moment>();
  private readonly abort = new AbortController();
  private renewing: Promise<void> = Promise.resolve();
  private ableSince = moment();
  private lastAble = moment();

  constructor(
    private readonly store: Store,
    private readonly log: Logger
  ) {}

  open(): void {
    this.renewing = this.renewForever();
  }

  /** Gives everything back, so that nobody has to wait for its end. */
  async close(): Promise<void> {
    this.abort.abort();
    await this.renewing;
    this.held.clear();
    await this.store.deleteFrom('leases').where('keeper', '=', this.me).execute();
  }

  /** For how long this server has been at work without losing the database, ms. */
  ableMs(): number {
    return since(this.lastAble) > LEASE_MS ? 0 : performance.now() - this.ableSince.steady;
  }

  keeps(name: string): boolean {
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
    // Asked first, because what others hold is asked for again and again.
    const busy = await this.store
      .selectFrom('leases')
      .select('name')
      .where('name', 'in', others)
      .where('keeper', '!=', this.me)
      .where('kept_until', '>=', databaseTime(this.store))
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
    const kept_until = sql<number>`${time} + ${sql.lit(LEASE_MS)}`;
    const claimed = await transaction
      .insertInto('leases')
      .values(names.map(name => ({ name, keeper: this.me, kept_until })))
      .onConflict(conflict =>
        conflict
          .column('name')
          .doUpdateSet({ keeper: this.me, kept_until })
          .where(or =>
            or.or([or('leases.keeper', '=', this.me), or('leases.kept_until', '<', time)])
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

  /** Of clusters that are not over, those that nobody keeps. */
  async free(): Promise<string[]> {
    const time = databaseTime(this.store);
    const rows = await this.store
      .selectFrom('clusters')
      .leftJoin('leases', 'leases.name', 'clusters.id')
      .select('clusters.id')
      .where(or => or.or([or('desired', '=', 'running'), or('clusters.stopped_at', 'is', null)]))
      .where(or => or.or([or('kept_until', 'is', null), or('kept_until', '<', time)]))
      .execute();
    return rows.map(({ id }) => id);
  }

  /** Names with this beginning that a server held and did not give back before its end. */
  async abandoned(beginning: string): Promise<string[]> {
    const rows = await this.store
      .selectFrom('leases')
      .select('name')
      .where('name', 'like', `${beginning}%`)
      .where('kept_until', '<', databaseTime(this.store))
      .execute();
    return rows.map(({ name }) => name);
  }

  /** Whether it is still this server's; asked in the transaction of a write that nobody else may make. */
  async isHolder(transaction: Store, name: string): Promise<boolean> {
    return (await this.kept(transaction, [name])).has(name);
  }

  /** The same of several. */
  async kept(transaction: Store, names: readonly string[]): Promise<Set<string>> {
    const rows = await transaction
      .selectFrom('leases')
      .select('name')
      .where('name', 'in', [...names])
      .where('keeper', '=', this.me)
      .execute();
    return new Set(rows.map(({ name }) => name));
  }

  async release(name: string): Promise<void> {
    if (!this.held.delete(name)) return;
    await this.store
      .deleteFrom('leases')
      .where('name', '=', name)
      .where('keeper', '=', this.me)
      .execute();
  }

  /** Renews everything at once; what another server has taken is lost from then on. */
  protected async renew(): Promise<void> {
    const before = [...this.held.keys()];
    const began = moment();
    const time = databaseTime(this.store);
    const renewed = await this.store
      .updateTable('leases')
      .set({ kept_until: sql<number>`${time} + ${sql.lit(LEASE_MS)}` })
      .where('keeper', '=', this.me)
      .returning('name')
      .execute();
    const mine = new Set(renewed.map(({ name }) => name));
    for (const name of before) {
      if (!this.held.has(name)) continue;
      if (mine.has(name)) this.held.set(name, began);
      else {
        this.held.delete(name);
        this.log.warn({ lease: name }, 'another server keeps this now');
      }
    }
    if (since(this.lastAble) > LEASE_MS) this.ableSince = moment();
    this.lastAble = moment();
  }

  private async renewForever(): Promise<void> {
    while (!this.abort.signal.aborted) {
      await this.renew().catch((error: unknown) =>
        this.log.error({ err: error }, 'leases were not renewed; it is tried again')
      );
      await sleep(RENEW_MS, undefined, { signal: this.abort.signal }).catch(() => undefined);
    }
  }
}
