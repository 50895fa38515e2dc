import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { CERTIFICATE_NAME } from '../objects/certificates.js';

/** How the witness of one cluster is reached. */
export interface Witness {
  /** `https://<pod ip>:8444`; with `via`, `<API server>/api/v1/namespaces/<n>/pods/https:<pod>:8444/proxy`. */
  url: string;
  token: string;
  /** PEM: the authority that signed this cluster's certificate and no other. */
  ca: string;
  /** Pods are not routable from here: through the API server's proxy, which asks for its own TLS and authentication. */
  via?: KubeConfig;
}

export interface WitnessList {
  /** The driver has ended: no file grows any more. */
  over: boolean;
  files: { path: string; size: number }[];
}

const ANSWER_MS = 10_000;
const PROBE_AFTER_MS = 10_000;

export class WitnessRefusal extends Error {
  constructor(
    readonly status: number,
    message: string
  ) {
    super(message);
  }
}

/** Asks a witness (its protocol: `witness/src/evidence-server.ts`). */
export class WitnessClient {
  private readonly agent = new Agent({ keepAlive: true });

  constructor(private readonly witness: Witness) {}

  async list(signal: AbortSignal): Promise<WitnessList> {
    return JSON.parse((await this.whole('GET', '/files', signal)).toString('utf8')) as WitnessList;
  }

  /** The whole of a small file. */
  file(path: string, signal: AbortSignal): Promise<Buffer> {
    return this.whole('GET', filePath(path), signal);
  }

  /** The bytes of a file from an offset on; with `follow` also those that are appended, until the driver has ended. */
  bytes(
    path: string,
    from: number,
    follow: boolean,
    signal: AbortSignal
  ): Promise<IncomingMessage> {
    return this.ask('GET', `${filePath(path)}?from=${from}${follow ? '&follow=1' : ''}`, signal);
  }

  /** Writes how many executors the driver shall have from now on: a number or a range. */
  async wish(executors: string, signal: AbortSignal): Promise<void> {
    await this.whole('PUT', filePath('executors'), signal, executors);
  }

  /** Everything was read: the witness is needed no longer. */
  async done(signal: AbortSignal): Promise<void> {
    await this.whole('POST', '/done', signal);
  }

  close(): void {
    this.agent.destroy();
  }

  private async whole(
    method: string,
    path: string,
    signal: AbortSignal,
    body?: string
  ): Promise<Buffer> {
    const within = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
    const chunks: Buffer[] = [];
    for await (const chunk of await this.ask(method, path, within, body))
      chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }

  private async ask(
    method: string,
    path: string,
    signal: AbortSignal,
    body?: string
  ): Promise<IncomingMessage> {
    const { url, token, ca, via } = this.witness;
    let options: RequestOptions = {
      ca,
      agent: this.agent,
      // A pod's address is not known when its certificate is made. The authority signs for this cluster alone. (With a
      // check of our own, Node 24 would use no connection twice.)
      servername: CERTIFICATE_NAME,
      headers: { Authorization: `Bearer ${token}` }
    };
    if (via) {
      options = { headers: { 'Aglais-Token': token } };
      await via.applyToHTTPSOptions(options);
    }
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpsRequest(url + path, { ...options, method, signal });
      const timer = setTimeout(() => request.destroy(new Error('no answer')), ANSWER_MS);
      request.on('socket', socket => socket.setKeepAlive(true, PROBE_AFTER_MS));
      request.once('response', response => {
        clearTimeout(timer);
        resolve(response);
      });
      request.on('error', error => {
        clearTimeout(timer);
        reject(error);
      });
      request.end(body);
    });
    if (answer.statusCode === 200 || answer.statusCode === 204) return answer;
    answer.resume();
    throw new WitnessRefusal(answer.statusCode ?? 0, `${path}: status ${answer.statusCode}`);
  }
}

function filePath(path: string): string {
  return `/files/${path.split('/').map(encodeURIComponent).join('/')}`;
}
