import type { Note, PodEnd, PodFacts } from '../application/pod-facts.js';
import type { ContainerEnd } from '../observation.js';

export type End = PodEnd;

/**
 * A container that the Linux OOM killer ended: reason `OOMKilled` and exit code 137 together. With another
 * code a child process was killed and the container ended later. A container that was deleted and did not
 * stop in time gets SIGKILL, too.
 */
export function oomEnd(pod: PodFacts): End | null {
  const ends = [...pod.ends.values()].filter(end => end.exitCode === 137 && isOom(end));
  return earliest(ends.filter(end => !wasStopped(pod, end)));
}

/** A child of the container's main process was OOM-killed; the container kept running. */
export function childOomEnd(pod: PodFacts): End | null {
  const ends = [...pod.ends.values()].filter(isOom);
  return earliest(ends.filter(end => end.exitCode !== 137 || wasStopped(pod, end)));
}

export function isOom(end: ContainerEnd): boolean {
  return end.reason === 'OOMKilled';
}

/** Any end before the deletion of the pod was requested, except exit code 0. */
export function unexpectedEnd(pod: PodFacts): End | null {
  const ends = [...pod.ends.values()].filter(end => end.exitCode !== 0 && !wasStopped(pod, end));
  return earliest(ends);
}

/** Whether the pod was evicted or preempted. */
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
