import type { Application } from './application.js';
import type { ApplicationPod, PodFacts } from './pod-facts.js';

/**
 * The pods that belong to this application: by Spark's labels; where only events name a pod, by the
 * names that Spark gives (`<spark.kubernetes.executor.podNamePrefix>-exec-<id>`, KubernetesConf).
 * Pods of another application, and those that nothing ties to this one, are left out.
 */
export function podsOfApplication(app: Application): ApplicationPod[] {
  const prefix = app.conf['spark.kubernetes.executor.podNamePrefix'];
  const driver = app.conf['spark.kubernetes.driver.pod.name'];
  const own: ApplicationPod[] = [];
  for (const facts of app.pods) {
    if (facts.application !== null && app.id !== null && facts.application !== app.id) continue;
    let { role, executor } = facts;
    if (facts.name === driver) role = 'driver';
    if (role === null && prefix !== undefined && facts.name.startsWith(`${prefix}-exec-`)) {
      const id = facts.name.slice(prefix.length + '-exec-'.length);
      if (/^\d+$/.test(id)) {
        role = 'executor';
        executor = id;
      }
    }
    if (role === 'executor' && executor === null) continue;
    // Without a log nothing is known of the application: then all pods are taken to be its.
    if (role !== null || app.id === null) own.push({ facts, role, executor });
  }
  return own.sort((a, b) => (a.facts.key < b.facts.key ? -1 : 1));
}

/** The executors' pods by executor. */
export function podsByExecutor(app: Application): Map<string, PodFacts> {
  const pods = new Map<string, PodFacts>();
  for (const { facts, role, executor } of podsOfApplication(app)) {
    if (role !== 'executor' || executor === null) continue;
    const other = pods.get(executor);
    // Without a log, pods of several applications may carry the same id: the one that has a story.
    if (!other || worth(facts) > worth(other)) pods.set(executor, facts);
  }
  return pods;
}

function worth({ troubles, ends }: PodFacts): number {
  return troubles.size + [...ends.values()].filter(({ exitCode }) => exitCode !== 0).length;
}
