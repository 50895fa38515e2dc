import { Poll } from '@lumino/polling';
import type { NotebookMemory } from '@aglais/protocol';
import { ProblemError } from './rest';

/** ms. The Jupyter server measures at the base interval; failures back off to the maximum. */
const BASE_INTERVAL_MS = 5_000;
const MAX_INTERVAL_MS = 60_000;

/** Polls the memory of this Jupyter's pod while the page is visible. */
export class NotebookMemoryPoll {
  /** @param onMemory called with each response; null: the memory of this pod is not managed */
  constructor(
    request: () => Promise<NotebookMemory>,
    onMemory: (memory: NotebookMemory | null) => void,
    interval = BASE_INTERVAL_MS
  ) {
    this._poll = new Poll({
      name: '@aglais/jupyterlab:notebook-memory',
      factory: async () => {
        try {
          onMemory(await request());
        } catch (error) {
          const { status } = error instanceof ProblemError ? error.problem : { status: 0 };
          // While the backend is unreachable, the last known memory stays.
          if (status === 403 || status === 404) onMemory(null);
          throw error;
        }
      },
      frequency: { interval, backoff: true, max: MAX_INTERVAL_MS },
      standby: 'when-hidden'
    });
  }

  /** Polls immediately. */
  refresh(): void {
    void this._poll.refresh();
  }

  dispose(): void {
    this._poll.dispose();
  }

  private readonly _poll: Poll;
}
