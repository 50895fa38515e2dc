import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface Asked {
  port: number;
  ca: string;
  token?: string | null;
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

/** Sends a request to a witness; the path is sent verbatim. */
export function ask({
  port,
  ca,
  token,
  method,
  path,
  headers: more,
  body
}: Asked): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...more };
    const options = { host: '127.0.0.1', port, ca, path, method: method ?? 'GET', headers };
    httpsRequest({ ...options, agent: false }, resolve)
      .on('error', reject)
      .end(body);
  });
}

export async function text(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
