import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { backOff } from '../back-off.js';
import { postgresClient } from './postgres.js';

/** The PostgreSQL channel on which `revised` notifies. */
export const CHANGES_CHANNEL = 'aglais_changes';

const RECONNECT = { firstMs: 250, longestMs: 10_000 };

/**
 * Notifies of commits that other servers have to see. Notifications are lost while there is no connection: listeners
 * have to poll, too.
 */
export interface ChangeNotifier {
  /** A transaction was committed in this process. */
  committed(): void;
  /**
   * @param onChange something may have changed
   * @param onProblem the connection broke; it is opened again
   * @returns unsubscribes
   */
  listen(onChange: () => void, onProblem: (error: unknown) => void): () => Promise<void>;
}

/** For a database that only this process uses. */
export class LocalNotifier implements ChangeNotifier {
  private readonly emitter = new EventEmitter().setMaxListeners(0);

  committed(): void {
    this.emitter.emit('change');
  }

  listen(onChange: () => void): () => Promise<void> {
    this.emitter.on('change', onChange);
    return () => Promise.resolve(void this.emitter.off('change', onChange));
  }
}

/** LISTEN on a separate connection. */
export class PostgresNotifier implements ChangeNotifier {
  constructor(private readonly location: string) {}

  /** The transaction itself has notified. */
  committed(): void {}

  listen(onChange: () => void, onProblem: (error: unknown) => void): () => Promise<void> {
    const abort = new AbortController();
    const listening = this.listenUntil(abort.signal, onChange, onProblem);
    return async () => {
      abort.abort();
      await listening;
    };
  }

  private async listenUntil(
    signal: AbortSignal,
    onChange: () => void,
    onProblem: (error: unknown) => void
  ): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const client = postgresClient(this.location);
      try {
        const broken = brokenOrAborted(client, signal);
        client.on('notification', onChange);
        await client.connect();
        await client.query(`LISTEN ${CHANGES_CHANNEL}`);
        failures = 0;
        // Earlier changes were not notified.
        onChange();
        await broken;
      } catch (error) {
        onProblem(error);
      } finally {
        client.end().catch(() => undefined);
      }
      if (signal.aborted) return;
      failures += 1;
      const waitMs = backOff(failures, Math.random(), RECONNECT);
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Resolves when aborted; rejects when the connection ends. */
function brokenOrAborted(client: Client, signal: AbortSignal): Promise<void> {
  const broken = new Promise<void>((resolve, reject) => {
    client.on('error', reject);
    client.on('end', () => reject(new Error('The connection to the database ended.')));
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  // While it connects nobody awaits it.
  broken.catch(() => undefined);
  return broken;
}
