import { Mutex } from 'async-mutex';

/** One mutex per key: tasks with the same key run one after the other, in the order of the calls. */
export class KeyedMutex {
  private readonly mutexes = new Map<string, Mutex>();

  async runExclusive<T>(key: string, work: () => Promise<T>): Promise<T> {
    const mutex = this.mutexes.get(key) ?? new Mutex();
    this.mutexes.set(key, mutex);
    try {
      return await mutex.runExclusive(work);
    } finally {
      if (!mutex.isLocked() && this.mutexes.get(key) === mutex) this.mutexes.delete(key);
    }
  }

  /** Resolves when no task is running or waiting. */
  async drain(): Promise<void> {
    while (this.mutexes.size > 0)
      await Promise.all([...this.mutexes.values()].map(mutex => mutex.waitForUnlock()));
  }
}
