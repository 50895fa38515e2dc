import { createWriteStream } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

const QUIET_MS = 60_000;

/**
 * Prints the output of the parts line by line, each line with the name of its part; after a minute of silence it shows
 * what is running. The output of each part is also written to a file.
 */
export class Output {
  #running = new Map();
  #last = Date.now();
  #width;
  #timer = setInterval(() => this.#heartbeat(), 5_000);

  /** @param {number} width of the longest name */
  constructor(width) {
    this.#width = width;
  }

  begin(name) {
    this.#running.set(name, Date.now());
    this.#print(name, '──────── begins');
  }

  end({ name, result: { passed, failed, skipped, notes }, ms }) {
    this.#running.delete(name);
    const counts = [passed && `${passed} passed`, failed && `${failed} failed`];
    const words = [...counts, skipped && `${skipped} skipped`].filter(Boolean).join(', ');
    this.#print(name, `──────── ended after ${minutes(ms)} min${words && `: ${words}`}`);
    for (const note of notes) this.#print(name, firstLine(note));
  }

  /**
   * Receives a program's output in chunks.
   * @param {string} file for the unchanged output
   */
  writer(name, file) {
    const log = createWriteStream(file, { flags: 'a' });
    let rest = '';
    return {
      onText: text => {
        log.write(text);
        const lines = `${rest}${text}`.split(/\r?\n/);
        rest = lines.pop() ?? '';
        for (const line of lines) this.#print(name, line);
      },
      end: () => {
        if (rest) this.#print(name, rest);
        log.end();
      }
    };
  }

  close() {
    clearInterval(this.#timer);
  }

  #print(name, line) {
    const words = stripVTControlCharacters(line).trimEnd();
    if (!words) return;
    console.log(`${name.padEnd(this.#width)} │ ${words}`);
    this.#last = Date.now();
  }

  #heartbeat() {
    if (this.#running.size === 0 || Date.now() - this.#last < QUIET_MS) return;
    const parts = [...this.#running].map(
      ([name, begun]) => `${name} (${minutes(Date.now() - begun)} min)`
    );
    console.log(`${''.padEnd(this.#width)} │ still running: ${parts.join(', ')}`);
    this.#last = Date.now();
  }
}

const NOTE_LINES = 12;
const NOTE_WIDTH = 300;
const firstLine = note => note.split('\n', 1)[0];

/** The first lines of a note that say something, those after the first indented. */
const shortened = note =>
  stripVTControlCharacters(note)
    .split('\n')
    .filter(line => line.trim())
    .slice(0, NOTE_LINES)
    .map(line => line.slice(0, NOTE_WIDTH).trimEnd())
    .join('\n    ');

export const minutes = ms => (ms / 60_000).toFixed(1);

/** The final table: minutes and counts of each part, and why something failed or was skipped. */
export function tableOf(outcomes) {
  const rows = [
    ['part', 'minutes', 'passed', 'failed', 'skipped'],
    ...outcomes.map(({ name, result: { passed, failed, skipped }, ms }) => {
      const hasTests = passed + failed + skipped > 0;
      return [name, minutes(ms), ...[passed, failed, skipped].map(n => (hasTests ? `${n}` : ''))];
    })
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map(row => row[column].length)));
  const lines = rows.map(row =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])
      )
      .join('  ')
      .trimEnd()
  );
  const notes = outcomes.flatMap(({ name, result }) =>
    result.notes.map(note => `${name}: ${shortened(note)}`)
  );
  return [...lines, ...(notes.length > 0 ? ['', ...notes] : [])].join('\n');
}
