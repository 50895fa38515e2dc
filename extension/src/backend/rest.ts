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
import type { Trans } from '../words';

/** Where the Jupyter server passes requests on to the backend. */
const ROOT = 'aglais/api/v1';

/** An answer that says no, in words for people (`message` is the problem's `detail`). */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';

  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
  }
}

/** The backend's REST API, by way of the Jupyter server. Every method throws ProblemError. */
export class Rest {
  constructor(
    private readonly _settings: ServerConnection.ISettings,
    private readonly _trans: Trans
  ) {}

  startCluster(request: ClusterRequest): Promise<Cluster> {
    return this._ask('POST', ['clusters'], request);
  }

  stopCluster(id: string): Promise<Cluster> {
    return this._ask('DELETE', ['clusters', id]);
  }

  restartCluster(id: string, request: RestartRequest): Promise<Cluster> {
    return this._ask('POST', ['clusters', id, 'restart'], request);
  }

  resizeCluster(id: string, request: ResizeRequest): Promise<ResizeAnswer> {
    return this._ask('POST', ['clusters', id, 'resize'], request);
  }

  dismissFinding(cluster: string, id: string): Promise<void> {
    return this._ask('POST', ['clusters', cluster, 'findings', id, 'dismiss'], {});
  }

  notebookMemory(): Promise<NotebookMemory> {
    return this._ask('GET', ['notebook-memory']);
  }

  growNotebook(request: NotebookMemoryRequest): Promise<NotebookMemory> {
    return this._ask('POST', ['notebook-memory'], request);
  }

  capacity(): Promise<CapacityReport> {
    return this._ask('GET', ['capacity']);
  }

  /** The address of the event stream; a token only where the browser cannot send Jupyter's cookie. */
  streamAddress(cursor: string | null): string {
    const { wsUrl, appendToken, token } = this._settings;
    const query = {
      ...(cursor === null ? {} : { cursor }),
      ...(appendToken && token ? { token } : {})
    };
    return URLExt.join(wsUrl, ROOT, 'stream') + URLExt.objectToQueryString(query);
  }

  private async _ask<T>(method: string, path: string[], body?: unknown): Promise<T> {
    const url = URLExt.join(this._settings.baseUrl, ROOT, ...path.map(encodeURIComponent));
    // Never from a cache; 'no-store' would have a time stamp added to the address.
    const init: RequestInit = { method, cache: 'reload' };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      // Else the browser calls it text.
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
          'The Jupyter server does not answer, so nothing was changed. ' +
            'See whether it still runs, then try again.'
        )
      });
    }
    if (!response.ok) throw new ProblemError(await problemOf(response));
    return (response.status === 204 ? undefined : await response.json()) as T;
  }
}

/** The problem that an unsuccessful response tells, in whatever form it tells it. */
export async function problemOf(response: Response): Promise<Problem> {
  const title = response.statusText || `Status ${response.status}`;
  const told: unknown = await response.json().catch(() => null);
  const fields = (typeof told === 'object' && told !== null ? told : {}) as Record<string, unknown>;
  const text = (name: string): string | undefined =>
    typeof fields[name] === 'string' && fields[name] ? fields[name] : undefined;
  return {
    ...fields,
    type: text('type') ?? 'about:blank',
    title: text('title') ?? title,
    status: response.status,
    // Jupyter's own handlers say `message`.
    detail: text('detail') ?? text('message') ?? `The request was answered with "${title}".`
  };
}
