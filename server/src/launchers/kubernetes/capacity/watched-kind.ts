import type { KubernetesObject } from '@kubernetes/client-node';
import { ApiError } from '../api/api-errors.js';
import { ListWatch, type ListWatchOptions, type WatchTraffic } from '../api/list-watch.js';

const FORBIDDEN = 403;

/** Objects of one kind in all of Kubernetes, watched as far as this server has the right to. */
export class WatchedKind<T extends KubernetesObject> {
  /** This server may not list them; what is known of them may be nothing. */
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

  /** Resolves when they are known, or it is known that they may not be. */
  known(): Promise<void> {
    this.first ??= new Promise(resolve => {
      this.resolveFirst = resolve;
      // Closed before: nobody asks any more.
      this.watch.open().catch(() => undefined);
    });
    return this.first;
  }

  get items(): T[] {
    return this.isForbidden ? [] : [...this.watch.items.values()];
  }

  /** How long ago the API server last confirmed them, ms. */
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
    // Where only the watch is refused, they are listed again and again: known, and half a minute old.
    if (during === 'watch') return;
    this.isForbidden = true;
    this.resolveFirst();
  }
}
