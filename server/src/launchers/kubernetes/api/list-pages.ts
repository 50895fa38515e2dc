import type { KubeConfig, KubernetesListObject, KubernetesObject } from '@kubernetes/client-node';
import { getJson } from './api-request.js';

const PAGE = 500;

export interface Listed<T> {
  items: T[];
  /** The version of the list, from which a watch starts. */
  version: string;
  bytes: number;
}

/**
 * All current objects, page by page, of one version: without a resourceVersion the latest is read, never an older one
 * from a cache.
 * @param pageMs deadline of one page
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

/** The name in the JSON is a keyword in TypeScript. */
function continueOf(body: KubernetesListObject<KubernetesObject>): string | undefined {
  return (body.metadata as { continue?: string } | undefined)?.continue;
}
