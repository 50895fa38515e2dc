import type { StreamMessage } from '@aglais/protocol';
import { WebSocket } from 'ws';

/** Labs connected to the server's stream; one of them parses the messages. */
export class LabClients {
  /** When each cluster was first seen ready, by its id; ms since the epoch. */
  readonly ready = new Map<string, number>();
  /** When a finding first named the end of a pod, by the pod's name. */
  readonly deaths = new Map<string, number>();
  /** What one of them received. */
  readonly traffic = { messages: 0, bytes: 0 };
  private readonly sockets: WebSocket[] = [];

  static async open(server: { url: string; token: string }, count: number): Promise<LabClients> {
    const labs = new LabClients();
    for (let n = 0; n < count; n += 1) {
      const socket = new WebSocket(`${server.url.replace('http', 'ws')}/api/v1/stream`, {
        headers: { authorization: `Bearer ${server.token}` }
      });
      if (n === 0) socket.on('message', (data: Buffer) => labs.read(data));
      labs.sockets.push(socket);
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    }
    return labs;
  }

  close(): void {
    for (const socket of this.sockets) socket.terminate();
  }

  private read(data: Buffer): void {
    const at = Date.now();
    const message = JSON.parse(data.toString()) as StreamMessage;
    this.traffic.messages += 1;
    this.traffic.bytes += data.length;
    const clusters =
      message.type === 'snapshot'
        ? message.clusters
        : message.type === 'cluster'
          ? [message.cluster]
          : [];
    for (const { id, state } of clusters)
      if (state === 'ready' && !this.ready.has(id)) this.ready.set(id, at);
    if (message.type !== 'finding') return;
    for (const { ref } of message.finding.finding.evidence) {
      const pod = /(\S+)\/[^/\s]+, exit code/.exec(ref)?.[1];
      if (pod !== undefined && !this.deaths.has(pod)) this.deaths.set(pod, at);
    }
  }
}
