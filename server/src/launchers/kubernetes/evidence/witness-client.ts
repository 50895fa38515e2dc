import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { maxFileBytes } from '@aglais/witness/evidence-limits';
import { CERTIFICATE_NAME } from '../objects/certificates.js';

/** How to reach the witness of one cluster. */
export interface Witness {
  /** `https://<pod ip>:8444`; with `via`, `<API server>/api/v1/namespaces/<n>/pods/https:<pod>:8444/proxy`. */
  url: string;
  token: string;
  /** PEM: the CA that signed only this cluster's certificate. */
  ca: string;
  /** Pods are not routable from here: use the proxy of the API server, which needs its own TLS and authentication. */
  via?: KubeConfig;
}

export interface WitnessList {
  /** The driver has ended: no file grows any more. */
  over: boolean;
  files: { path: string; size: number }[];
}

const ANSWER_MS = 10_000;
const PROBE_AFTER_MS = 10_000;
/** Maximum size of a list of files: some hundred names. The response comes from a pod in which user code runs. */
const MAX_LIST_BYTES = 2 ** 20;

/** A range of bytes of a file. */
export interface Range {
  from: number;
  /** Default: to its end. */
  to?: number;
  /** Also what is appended, until the driver has ended. */
  follow?: boolean;
}

export class WitnessRefusal extends Error {
  constructor(
    readonly status: number,
    message: string
  ) {
    super(message);
  }
}

/** Client of a witness (protocol: `witness/src/evidence-server.ts`). */
export class WitnessClient {
  private readonly agent = new Agent({ keepAlive: true });

  constructor(private readonly witness: Witness) {}

  async list(signal: AbortSignal): Promise<WitnessList> {
    const answer = await this.whole('GET', '/files', signal, MAX_LIST_BYTES);
    return JSON.parse(answer.toString('utf8')) as WitnessList;
  }

  /** A small file, up to its limit. */
  file(path: string, signal: AbortSignal): Promise<Buffer> {
    const limit = maxFileBytes(path);
    return this.whole('GET', `${filePath(path)}?to=${limit}`, signal, limit);
  }

  bytes(path: string, range: Range, signal: AbortSignal): Promise<IncomingMessage> {
    const { from, to, follow } = range;
    const query = `from=${from}${to === undefined ? '' : `&to=${to}`}${follow ? '&follow=1' : ''}`;
    return this.ask('GET', `${filePath(path)}?${query}`, signal);
  }

  /** Sets the desired number of executors of the driver: a number or a range. */
  async setDesiredExecutors(executors: string, signal: AbortSignal): Promise<void> {
    await this.whole('PUT', filePath('executors'), signal, 0, executors);
  }

  /** Everything was read: the witness is not needed any more. */
  async done(signal: AbortSignal): Promise<void> {
    await this.whole('POST', '/done', signal, MAX_LIST_BYTES);
  }

  close(): void {
    this.agent.destroy();
  }

  private async whole(
    method: string,
    path: string,
    signal: AbortSignal,
    maxBytes: number,
    body?: string
  ): Promise<Buffer> {
    const within = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of await this.ask(method, path, within, body)) {
      bytes += (chunk as Buffer).length;
      if (bytes > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
      chunks.push(chunk as Buffer);
    }
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
      // A pod's IP is unknown when its certificate is created. The CA signs for this cluster alone. (With a custom
      // checkServerIdentity, Node 24 would reuse no connection.)
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
