import type { Evidence } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { Note, OwnPod, PodFacts } from '../application/pods.js';
import type { ContainerEnd } from '../observation.js';

export type End = ContainerEnd & { evidence: Evidence };

/**
 * The pods that belong to this application: by Spark's labels; where only events name a pod, by the
 * names that Spark gives (`<spark.kubernetes.executor.podNamePrefix>-exec-<id>`, KubernetesConf).
 * Pods of another application, and those that nothing ties to this one, are left out.
 */
export function ownPods(app: Application): OwnPod[] {
  const prefix = app.conf['spark.kubernetes.executor.podNamePrefix'];
  const driver = app.conf['spark.kubernetes.driver.pod.name'];
  const own: OwnPod[] = [];
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
  for (const { facts, role, executor } of ownPods(app)) {
    if (role !== 'executor' || executor === null) continue;
    const other = pods.get(executor);
    // Without a log, pods of several applications may carry the same id: the one that has a story.
    if (!other || worth(facts) > worth(other)) pods.set(executor, facts);
  }
  return pods;
}

/**
 * The end of a container by the kernel's OOM killer: reason and exit code say it together. With
 * another code a child was killed, and the container ended later; and a container that was stopped
 * on purpose and did not obey gets SIGKILL, too.
 */
export function oomEnd(pod: PodFacts): End | null {
  const ends = [...pod.ends.values()].filter(end => end.exitCode === 137 && isOom(end));
  return earliest(ends.filter(end => !wasStopped(pod, end)));
}

/** A child of the container's main process was killed for memory; the container lived on. */
export function childOomEnd(pod: PodFacts): End | null {
  const ends = [...pod.ends.values()].filter(isOom);
  return earliest(ends.filter(end => end.exitCode !== 137 || wasStopped(pod, end)));
}

export function isOom(end: ContainerEnd): boolean {
  return end.reason === 'OOMKilled';
}

/** Any end that nobody asked for. */
export function unaskedEnd(pod: PodFacts): End | null {
  const ends = [...pod.ends.values()].filter(end => end.exitCode !== 0 && !wasStopped(pod, end));
  return earliest(ends);
}

/** Who pushed it out, if anybody did. */
export function disruption(pod: PodFacts): { kind: 'evicted' | 'preempted'; note: Note } | null {
  const preempted = pod.troubles.get('preempted');
  if (preempted) return { kind: 'preempted', note: preempted };
  const evicted = pod.troubles.get('evicted');
  return evicted ? { kind: 'evicted', note: evicted } : null;
}

function wasStopped(pod: PodFacts, end: ContainerEnd): boolean {
  return pod.deletedAt !== null && end.at !== null && end.at > pod.deletedAt;
}

function earliest(ends: readonly End[]): End | null {
  return ends.reduce<End | null>((a, b) => (a && (a.at ?? 0) <= (b.at ?? 0) ? a : b), null);
}

function worth({ troubles, ends }: PodFacts): number {
  return troubles.size + [...ends.values()].filter(({ exitCode }) => exitCode !== 0).length;
}
