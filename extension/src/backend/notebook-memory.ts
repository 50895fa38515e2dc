import { Poll } from '@lumino/polling';
import type { NotebookMemory } from '@aglais/protocol';
import { ProblemError } from './rest';

/** As often as the Jupyter server reads it, ms; less often while it is refused or nobody answers. */
const EVERY = 5_000;
const SELDOM = 60_000;

/** Asks again and again how the memory of this Jupyter's pod is, as long as the page is seen. */
export class NotebookMemoryPoll {
  /** @param onMemory told each answer; null: nobody looks after the memory of this pod */
  constructor(
    ask: () => Promise<NotebookMemory>,
    onMemory: (memory: NotebookMemory | null) => void,
    interval = EVERY
  ) {
    this._poll = new Poll({
      name: '@aglais/jupyterlab:notebook-memory',
      factory: async () => {
        try {
          onMemory(await ask());
        } catch (error) {
          const { status } = error instanceof ProblemError ? error.problem : { status: 0 };
          // Of a backend that is away the last is shown that was known.
          if (status === 403 || status === 404) onMemory(null);
          throw error;
        }
      },
      frequency: { interval, backoff: true, max: SELDOM },
      standby: 'when-hidden'
    });
  }

  /** Asks at once: something changed. */
  refresh(): void {
    void this._poll.refresh();
  }

  dispose(): void {
    this._poll.dispose();
  }

  private readonly _poll: Poll;
}
