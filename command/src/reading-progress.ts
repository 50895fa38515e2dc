import type { Terminal } from './terminal.js';

const QUIET_MS = 700;
const EVERY_MS = 150;

/** Says on a terminal how much was read, from the moment on when waiting becomes noticeable. */
export class ReadingProgress {
  readonly #bytes = new Map<object, number>();
  #done = 0;
  #sum = 0;
  #shownAt: number;
  #visible = false;

  /**
   * @param logs how many there are
   * @param total of all logs, bytes; null if not known
   */
  constructor(
    private readonly terminal: Terminal,
    private readonly logs: number,
    private readonly total: number | null
  ) {
    this.#shownAt = terminal.now() + QUIET_MS - EVERY_MS;
  }

  /** A log was read up to there. */
  read(log: object, bytes: number): void {
    this.#sum += bytes - (this.#bytes.get(log) ?? 0);
    this.#bytes.set(log, bytes);
    this.#show();
  }

  /** A log is done. */
  finished(log: object, bytes: number | null): void {
    this.#done += 1;
    this.read(log, bytes ?? this.#bytes.get(log) ?? 0);
    this.#bytes.delete(log);
  }

  /** Takes the line away, before anything else is written. */
  clear(): void {
    if (this.#visible) this.terminal.stderr.write('\r\u001b[K');
    this.#visible = false;
  }

  #show(): void {
    const { stderr } = this.terminal;
    const now = this.terminal.now();
    if (!stderr.isTTY || now - this.#shownAt < EVERY_MS) return;
    this.#shownAt = now;
    this.#visible = true;
    const words = progressWords(this.#sum, this.total, this.#done, this.logs);
    stderr.write(`\r${words.slice(0, (stderr.columns || 80) - 1)}\u001b[K`);
  }
}

/** "Reading: 1.2 of 3.4 GB, 35 %, 12 of 340 logs" */
export function progressWords(
  bytes: number,
  total: number | null,
  done: number,
  logs: number
): string {
  const of =
    total === null || total === 0
      ? size(bytes)
      : `${size(bytes)} of ${size(total)}, ${Math.min(100, Math.floor((100 * bytes) / total))} %`;
  return `Reading: ${of}${logs > 1 ? `, ${done} of ${logs} logs` : ''}`;
}

function size(bytes: number): string {
  if (bytes < 1e6) return `${Math.round(bytes / 1e3)} kB`;
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
