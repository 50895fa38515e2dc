import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type {
  CapacityReport,
  Cluster,
  ClusterRequest,
  NotebookMemory,
  NotebookMemoryRequest,
  Problem,
  ResizeAnswer,
  ResizeRequest,
  RestartRequest
} from '@aglais/protocol';
import type { Trans } from '../translation';

/** The Jupyter server proxies requests under this path to the backend. */
const ROOT = 'aglais/api/v1';

/** An error response (RFC 9457); `message` is the problem's `detail`. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';

  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
  }
}

/** The backend's REST API, through the Jupyter server. Every method throws ProblemError. */
export class Rest {
  constructor(
    private readonly _settings: ServerConnection.ISettings,
    private readonly _trans: Trans
  ) {}

  startCluster(request: ClusterRequest): Promise<Cluster> {
    return this._request('POST', ['clusters'], request);
  }

  stopCluster(id: string): Promise<Cluster> {
    return this._request('DELETE', ['clusters', id]);
  }

  restartCluster(id: string, request: RestartRequest): Promise<Cluster> {
    return this._request('POST', ['clusters', id, 'restart'], request);
  }

  resizeCluster(id: string, request: ResizeRequest): Promise<ResizeAnswer> {
    return this._request('POST', ['clusters', id, 'resize'], request);
  }

  dismissFinding(cluster: string, id: string): Promise<void> {
    return this._request('POST', ['clusters', cluster, 'findings', id, 'dismiss'], {});
  }

  notebookMemory(): Promise<NotebookMemory> {
    return this._request('GET', ['notebook-memory']);
  }

  raiseMemoryLimit(request: NotebookMemoryRequest): Promise<NotebookMemory> {
    return this._request('POST', ['notebook-memory'], request);
  }

  capacity(): Promise<CapacityReport> {
    return this._request('GET', ['capacity']);
  }

  /** The URL of the event stream; with a token only where the browser cannot send Jupyter's cookie. */
  streamAddress(cursor: string | null): string {
    const { wsUrl, appendToken, token } = this._settings;
    const query = {
      ...(cursor === null ? {} : { cursor }),
      ...(appendToken && token ? { token } : {})
    };
    return URLExt.join(wsUrl, ROOT, 'stream') + URLExt.objectToQueryString(query);
  }

  private async _request<T>(method: string, path: string[], body?: unknown): Promise<T> {
    const url = URLExt.join(this._settings.baseUrl, ROOT, ...path.map(encodeURIComponent));
    // Bypass the cache; 'no-store' would add a timestamp to the URL.
    const init: RequestInit = { method, cache: 'reload' };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      // The browser's default would be text/plain.
      init.headers = { 'Content-Type': 'application/json' };
    }
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this._settings);
    } catch {
      throw new ProblemError({
        type: 'urn:aglais:problem:jupyter-unreachable',
        title: this._trans.__('Jupyter does not answer'),
        status: 0,
        detail: this._trans.__(
          'The Jupyter server does not answer. Nothing was changed. ' +
            'Check that it is running, then try again.'
        )
      });
    }
    if (!response.ok) throw new ProblemError(await problemOf(response));
    return (response.status === 204 ? undefined : await response.json()) as T;
  }
}

/** The problem in an error response; built from its status if the body has no problem details. */
export async function problemOf(response: Response): Promise<Problem> {
  const title = response.statusText || `Status ${response.status}`;
  const body: unknown = await response.json().catch(() => null);
  const fields = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const text = (name: string): string | undefined =>
    typeof fields[name] === 'string' && fields[name] ? fields[name] : undefined;
  return {
    ...fields,
    type: text('type') ?? 'about:blank',
    title: text('title') ?? title,
    status: response.status,
    // Jupyter's own handlers use `message`.
    detail: text('detail') ?? text('message') ?? `The request failed: ${title}.`
  };
}
