import type { Note, PodEnd, PodFacts } from '../application/pod-facts.js';
import type { ContainerEnd } from '../observation.js';

export type End = PodEnd;

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
