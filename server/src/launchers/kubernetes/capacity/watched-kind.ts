import type { KubernetesObject } from '@kubernetes/client-node';
import { ApiError } from '../api/api-errors.js';
import { ListWatch, type ListWatchOptions, type WatchTraffic } from '../api/list-watch.js';

const FORBIDDEN = 403;

/** All objects of one kind in Kubernetes, watched as far as this server has the permissions. */
export class WatchedKind<T extends KubernetesObject> {
  /** This server may not list them; the cache may be empty. */
  isForbidden = false;
  private readonly watch: ListWatch<T>;
  private first: Promise<void> | null = null;
  private resolveFirst = (): void => undefined;

  constructor(
    options: ListWatchOptions<T>,
    private readonly onForbidden: (during: 'list' | 'watch') => void
  ) {
    this.watch = new ListWatch<T>({
      ...options,
      onSynced: () => {
        this.isForbidden = false;
        this.resolveFirst();
      },
      onProblem: (error, during) => this.take(error, during)
    });
  }

  /** Resolves when they are known, or when it is known that they may not be listed. */
  known(): Promise<void> {
    this.first ??= new Promise(resolve => {
      this.resolveFirst = resolve;
      // Closed before: the result is not needed any more.
      this.watch.open().catch(() => undefined);
    });
    return this.first;
  }

  get items(): T[] {
    return this.isForbidden ? [] : [...this.watch.items.values()];
  }

  /** Time since the API server last confirmed them, ms. */
  get ageMs(): number {
    return performance.now() - this.watch.confirmedAt;
  }

  get traffic(): WatchTraffic {
    return this.watch.traffic;
  }

  async close(): Promise<void> {
    await this.watch.close();
  }

  private take(error: unknown, during: 'list' | 'watch'): void {
    if (!(error instanceof ApiError && error.status === FORBIDDEN)) return;
    this.onForbidden(during);
    // If only the watch is refused, they are listed repeatedly: known, but up to half a minute old.
    if (during === 'watch') return;
    this.isForbidden = true;
    this.resolveFirst();
  }
}
