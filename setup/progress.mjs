const HEARTBEAT_MS = 15_000;
const REDRAW_MS = 250;

/**
 * Shows concurrent steps: in a terminal one line that is redrawn, elsewhere a line from time to time. A completed step
 * gets a line of its own.
 */
export class Progress {
  #running = new Map();
  #timer = null;
  #terminal = process.stdout.isTTY;

  begin(title) {
    this.#running.set(title, { begun: Date.now(), last: '' });
    if (!this.#terminal) console.log(`${title} …`);
    this.#timer ??= setInterval(() => this.#show(), this.#terminal ? REDRAW_MS : HEARTBEAT_MS);
  }

  say(title, line) {
    const step = this.#running.get(title);
    if (step) step.last = line;
  }

  /** @param {string} [outcome] default: its duration */
  end(title, outcome) {
    const { begun } = this.#running.get(title);
    this.#running.delete(title);
    if (this.#running.size === 0) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
    this.#clearLine();
    console.log(`${title}  ${outcome ?? seconds(begun)}`);
  }

  #clearLine() {
    if (this.#terminal) process.stdout.write('\r\u001b[K');
  }

  #show() {
    const steps = [...this.#running];
    const times = steps.map(([title, { begun }]) => `${title}  ${seconds(begun)}`);
    // Only a single step has space for its output; several take turns.
    const turn = Math.floor(Date.now() / 4_000) % steps.length;
    const last = steps[turn]?.[1].last ?? '';
    const line = `${times.join(' · ')}  ${last}`;
    if (this.#terminal) {
      this.#clearLine();
      process.stdout.write(line.slice(0, (process.stdout.columns ?? 100) - 1));
    } else console.log(line.slice(0, 160));
  }
}

const seconds = begun => `${Math.round((Date.now() - begun) / 1_000)} s`;
