import type { FreeCapacity } from '../observation.js';
import { formatMiB, plural } from './format.js';

/** Resources that one pod requests; null: unknown. */
export interface PodRequest {
  memoryMiB: number | null;
  cores: number | null;
}

/** "needs 4 GiB", "needs 4 GiB for each of 3 executors". */
export function neededClause(memoryMiB: number, pods: number): string {
  const each = pods > 1 ? ` for each of ${plural(pods, 'executor')}` : '';
  return `needs ${formatMiB(memoryMiB)}${each}`;
}

/**
 * The scheduler's message ("0/3 nodes are available: 1 Insufficient cpu, 2 Insufficient memory. preemption: …") as
 * readable clauses.
 * @param free the largest free capacity of any node; null if the nodes are not visible
 */
export function shortageClauses(
  message: string,
  request: PodRequest,
  free: FreeCapacity | null
): string[] {
  const sentence = schedulerSentence(message);
  const clauses: string[] = [];
  if (/Insufficient memory/.test(sentence)) clauses.push(memoryClause(request, free));
  if (/Insufficient cpu/.test(sentence)) {
    const most = free === null ? '' : `the largest free node has ${formatCores(free.cores)}`;
    clauses.push(
      request.cores === null
        ? `not enough CPUs are free${most && `: ${most}`}`
        : `it requests ${formatCores(request.cores)} CPUs${most && `, ${most}`}`
    );
  }
  for (const [, what] of sentence.matchAll(/Insufficient ([\w.-]+\/?[\w.-]*\w)/g)) {
    if (what === 'memory' || what === 'cpu') continue;
    clauses.push(
      what === 'ephemeral-storage' ? 'not enough scratch space is free' : `no ${what} is free`
    );
  }
  if (/untolerated taint/.test(sentence))
    clauses.push('some nodes have taints that it does not tolerate');
  if (/didn't match Pod's node affinity\/selector/.test(sentence)) {
    clauses.push('some nodes do not match its node selector');
  }
  if (/were unschedulable/.test(sentence)) clauses.push('some nodes are cordoned');
  if (/volume node affinity conflict/.test(sentence))
    clauses.push('some nodes cannot attach its volume');
  return clauses;
}

/** Without the part about preemption, which repeats the sentence for pods that could be preempted. */
export function schedulerSentence(message: string): string {
  return message.split(/\.? preemption:/, 1)[0]!;
}

function memoryClause(request: PodRequest, free: FreeCapacity | null): string {
  // Capacity may have been freed since, and the largest node may be one that the pod must not use.
  const isShort =
    free !== null && (request.memoryMiB === null || free.memoryMiB < request.memoryMiB);
  return isShort
    ? `the largest free node has ${formatMiB(free.memoryMiB)}`
    : 'no node has that much free';
}

/** CPUs, with at most two decimals. */
function formatCores(cores: number): string {
  return String(Math.round(cores * 100) / 100);
}
