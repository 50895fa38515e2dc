import type { Application } from './application.js';
import type { ApplicationPod, PodFacts } from './pod-facts.js';

/**
 * The pods that belong to this application: by Spark's labels; if only events mention a pod, by the name that Spark
 * gives it (`<spark.kubernetes.executor.podNamePrefix>-exec-<id>`, KubernetesConf). Pods of other applications, and
 * pods without a known application, are excluded.
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
    // Without a log the application is unknown: all pods are assumed to belong to it.
    if (role !== null || app.id === null) own.push({ facts, role, executor });
  }
  return own.sort((a, b) => (a.facts.key < b.facts.key ? -1 : 1));
}

/** The pods of executors, by executor id. */
export function podsByExecutor(app: Application): Map<string, PodFacts> {
  const pods = new Map<string, PodFacts>();
  for (const { facts, role, executor } of podsOfApplication(app)) {
    if (role !== 'executor' || executor === null) continue;
    const other = pods.get(executor);
    // Without a log, pods of several applications may have the same executor id: take the one with problems.
    if (!other || worth(facts) > worth(other)) pods.set(executor, facts);
  }
  return pods;
}

function worth({ troubles, ends }: PodFacts): number {
  return troubles.size + [...ends.values()].filter(({ exitCode }) => exitCode !== 0).length;
}
