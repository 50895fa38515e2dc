import { formatBytes } from '@aglais/diagnosis';
import type { Terminal } from './terminal.js';

const QUIET_MS = 700;
const EVERY_MS = 150;

/** Shows on a terminal how much was read, once reading takes noticeably long. */
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

  /** A log was read up to this many bytes. */
  read(log: object, bytes: number): void {
    this.#sum += bytes - (this.#bytes.get(log) ?? 0);
    this.#bytes.set(log, bytes);
    this.#show();
  }

  /** A log was read completely. */
  finished(log: object, bytes: number | null): void {
    this.#done += 1;
    this.read(log, bytes ?? this.#bytes.get(log) ?? 0);
    this.#bytes.delete(log);
  }

  /** Clears the progress line, before anything else is written. */
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
    const text = progressText(this.#sum, this.total, this.#done, this.logs);
    stderr.write(`\r${text.slice(0, (stderr.columns || 80) - 1)}\u001b[K`);
  }
}

/** "Reading: 430 MiB of 3.4 GiB, 12 %, 12 of 340 logs" */
export function progressText(
  bytes: number,
  total: number | null,
  done: number,
  logs: number
): string {
  const of =
    total === null || total === 0
      ? formatBytes(bytes)
      : `${formatBytes(bytes)} of ${formatBytes(total)}, ${Math.min(100, Math.floor((100 * bytes) / total))} %`;
  return `Reading: ${of}${logs > 1 ? `, ${done} of ${logs} logs` : ''}`;
}
