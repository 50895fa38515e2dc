import {
  createConfiguration,
  ResponseContext,
  ServerConfiguration,
  wrapHttpLibrary,
  type Configuration,
  type KubeConfig,
  type RequestContext
} from '@kubernetes/client-node';
import { callApi } from './api-request.js';

/**
 * A typed API of client-node (`CoreV1Api`, …) on top of our own requests: with a deadline, `Retry-After`, and one class
 * of errors.
 * @throws if the current context of the kubeconfig names no cluster
 */
export function apiClient<T>(kubeConfig: KubeConfig, Api: new (config: Configuration) => T): T {
  const server = kubeConfig.getCurrentCluster()?.server;
  if (!server) throw new Error('The kubeconfig names no cluster for its current context.');
  return new Api(
    createConfiguration({
      baseServer: new ServerConfiguration(server, {}),
      httpApi: wrapHttpLibrary({ send: request => send(kubeConfig, request) })
    })
  );
}

async function send(kubeConfig: KubeConfig, request: RequestContext): Promise<ResponseContext> {
  const body = request.getBody();
  const signal = request.getSignal();
  const answer = await callApi(kubeConfig, {
    method: request.getHttpMethod(),
    url: new URL(request.getUrl()),
    headers: request.getHeaders(),
    ...(typeof body === 'string' && { body }),
    ...(signal && { signal })
  });
  const text = answer.body.toString('utf8');
  return new ResponseContext(answer.status, answer.headers, {
    text: () => Promise.resolve(text),
    binary: () => Promise.resolve(answer.body),
    stream: () => null
  });
}
