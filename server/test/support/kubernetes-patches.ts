import type { KubernetesObject, V1Container, V1Pod } from '@kubernetes/client-node';

export type Patch = Record<string, unknown>;

/** The path of a pod's subresource for its resources. */
export const RESIZE = /\/resize$/;

/** RFC 7396, which is also what a strategic merge of annotations comes to. */
export function merged<T extends object>(object: T, patch: Patch): T {
  const result = { ...object } as Record<string, unknown>;
  for (const [key, value] of Object.entries(patch)) {
    const old = result[key];
    const isDeep = isObject(value) && isObject(old);
    if (value === null) delete result[key];
    else result[key] = isDeep ? merged(old, value as Patch) : value;
  }
  return result as T;
}

/** Containers by their names, and what is asked for is in force at once, as a kubelet with room would have it. */
export function resized(object: KubernetesObject, patch: Patch): V1Pod {
  const pod = object as V1Pod;
  const asked = (patch as unknown as V1Pod).spec!.containers;
  const resourcesOf = (name: string) => asked.find(one => one.name === name)?.resources;
  const withResources = <T extends Pick<V1Container, 'name' | 'resources'>>(one: T): T => {
    const resources = resourcesOf(one.name);
    return resources ? { ...one, resources: merged(one.resources ?? {}, resources as Patch) } : one;
  };
  return {
    ...pod,
    spec: { ...pod.spec, containers: pod.spec!.containers.map(withResources) },
    status: {
      ...pod.status,
      containerStatuses: (pod.status?.containerStatuses ?? []).map(
        one => withResources(one as unknown as V1Container) as unknown as typeof one
      )
    }
  };
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
