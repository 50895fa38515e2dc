import type { StreamMessage } from '@aglais/protocol';
import { WebSocket } from 'ws';
import type { Client } from './server.js';

export interface Stream {
  messages: StreamMessage[];
  close(): void;
}

/** Follows the stream; resolves when its first message has arrived. */
export async function follow(client: Client, cursor?: string): Promise<Stream> {
  const query = cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`;
  const socket = new WebSocket(`${client.url.replace('http', 'ws')}/api/v1/stream${query}`, {
    headers: { Authorization: `Bearer ${client.token}` }
  });
  const messages: StreamMessage[] = [];
  await new Promise<void>((resolve, reject) => {
    socket.on('message', (data: Buffer) => {
      messages.push(JSON.parse(data.toString()) as StreamMessage);
      resolve();
    });
    socket.once('error', reject);
  });
  return { messages, close: () => socket.terminate() };
}

/** The HTTP status with which a WebSocket upgrade is refused, and the type of the response. */
export function refusal(
  url: string,
  path: string,
  token: string | null
): Promise<{ status: number; type: string }> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`, {
    headers: token === null ? {} : { Authorization: `Bearer ${token}` }
  });
  return new Promise((resolve, reject) => {
    socket.once('unexpected-response', (_request, response) => {
      resolve({
        status: response.statusCode ?? 0,
        type: String(response.headers['content-type'] ?? '')
      });
      socket.terminate();
    });
    socket.once('open', () => reject(new Error('was let in')));
    socket.on('error', () => undefined);
  });
}
