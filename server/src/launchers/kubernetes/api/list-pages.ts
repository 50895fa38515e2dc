import type { KubeConfig, KubernetesListObject, KubernetesObject } from '@kubernetes/client-node';
import { getJson } from './api-request.js';

const PAGE = 500;

export interface Listed<T> {
  items: T[];
  /** Of the list: a watch goes on from it. */
  version: string;
  bytes: number;
}

/**
 * All there is now, page by page, of one version: without a resourceVersion the newest is read, never an older one of a cache.
 * @param pageMs for one page
 */
export async function listPages<T extends KubernetesObject>(
  kubeConfig: KubeConfig,
  path: string,
  selection: Readonly<Record<string, string>>,
  signal: AbortSignal,
  pageMs: number
): Promise<Listed<T>> {
  const items: T[] = [];
  let version = '';
  let bytes = 0;
  let next: string | undefined;
  do {
    const query = { ...selection, limit: String(PAGE), ...(next && { continue: next }) };
    const page = await getJson<KubernetesListObject<T>>(kubeConfig, path, query, signal, pageMs);
    bytes += page.bytes;
    items.push(...page.body.items);
    version = page.body.metadata?.resourceVersion ?? '';
    next = page.body.metadata?._continue ?? continueOf(page.body);
  } while (next);
  if (version === '') throw new Error('a list without a resourceVersion');
  return { items, version, bytes };
}

/** The JSON has the name that is a keyword in TypeScript. */
function continueOf(body: KubernetesListObject<KubernetesObject>): string | undefined {
  return (body.metadata as { continue?: string } | undefined)?.continue;
}
