import type { Client } from '../support/server.js';
import { follow, type Stream } from '../support/stream.js';

/** Labs that listen to the server's stream; they are closed and opened again as people do with browser tabs. */
export class Labs {
  private readonly streams: Stream[] = [];
  opened = 0;

  constructor(
    private readonly client: Client,
    private readonly count: number
  ) {}

  /** Closes the oldest and opens another: now one that was there before and knows its place, now one that is new. */
  async turnOver(): Promise<void> {
    const last = this.streams[0]?.messages.at(-1);
    const cursor = this.opened % 2 === 0 && last && 'cursor' in last ? last.cursor : undefined;
    this.opened += 1;
    this.streams.push(await follow(this.client, cursor));
    while (this.streams.length > this.count) this.streams.shift()!.close();
    // What they heard is of no use here, and would fill this process.
    for (const { messages } of this.streams) messages.splice(0, messages.length - 1);
  }

  /** Changes that the server has published so far, as far as they know. */
  get changes(): number {
    const last = this.streams.at(-1)?.messages.at(-1);
    return last && 'cursor' in last ? Number(last.cursor.split('.')[1]) : 0;
  }

  close(): void {
    for (const stream of this.streams.splice(0)) stream.close();
  }
}
