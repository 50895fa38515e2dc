import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/**
 * Notifies when a file may have changed. The directory is watched, because the file may not exist yet or may be
 * renamed.
 */
export class ChangeNotifier {
  #watcher: FSWatcher | null = null;
  #changed = false;
  #wake: (() => void) | null = null;
  readonly #path: string;
  readonly #times: { pollMs: number; watchedPollMs: number };
  readonly #signals: AbortSignal[];
  readonly #notify = (): void => {
    this.#changed = true;
    this.#wake?.();
  };

  constructor(
    path: string,
    times: { pollMs: number; watchedPollMs: number },
    signals: (AbortSignal | undefined)[]
  ) {
    this.#path = path;
    this.#times = times;
    this.#signals = signals.flatMap(signal => signal ?? []);
    for (const signal of this.#signals) signal.addEventListener('abort', this.#notify);
    this.#watch();
  }

  /** Resolves at the next change, or after the poll interval; immediately if it changed since the last call. */
  async nextChange(): Promise<void> {
    if (!this.#watcher) this.#watch();
    const { pollMs, watchedPollMs } = this.#times;
    if (!this.#changed) {
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, this.#watcher ? watchedPollMs : pollMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
    this.#changed = false;
  }

  close(): void {
    for (const signal of this.#signals) signal.removeEventListener('abort', this.#notify);
    this.#watcher?.close();
  }

  #watch(): void {
    const name = basename(this.#path).replace(/\.inprogress$/, '');
    try {
      this.#watcher = watch(dirname(this.#path), (_kind, changed) => {
        if (changed === null || changed.startsWith(name)) this.#notify();
      });
      // No watches are left, or the directory was removed: only polling continues.
      this.#watcher.on('error', () => {
        this.#watcher?.close();
        this.#watcher = null;
      });
    } catch {
      this.#watcher = null;
    }
  }
}
