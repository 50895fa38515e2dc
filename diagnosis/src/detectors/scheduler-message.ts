import type { FreeCapacity } from '../observation.js';
import { memory, plural } from './format.js';

/** What one pod asks of a node; null: not known. */
export interface Asked {
  memoryMiB: number | null;
  cores: number | null;
}

/** "needs 4 GiB", "needs 4 GiB for each of 3 executors". */
export function neededWords(memoryMiB: number, pods: number): string {
  const each = pods > 1 ? ` for each of ${plural(pods, 'executor')}` : '';
  return `needs ${memory(memoryMiB)}${each}`;
}

/**
 * The scheduler's message ("0/3 nodes are available: 1 Insufficient cpu, 2 Insufficient memory. preemption: …") as
 * clauses for people.
 * @param room what is free on the nodes; null where they may not be seen
 */
export function lackingWords(message: string, asked: Asked, room: FreeCapacity | null): string[] {
  const sentence = schedulersSentence(message);
  const words: string[] = [];
  if (/Insufficient memory/.test(sentence)) words.push(memoryWords(asked, room));
  if (/Insufficient cpu/.test(sentence)) {
    const most = room === null ? '' : `the most that is free on one is ${figure(room.cores)}`;
    words.push(
      asked.cores === null
        ? `too few processors are free${most && `: ${most}`}`
        : `it asks for ${figure(asked.cores)} processors${most && `, ${most}`}`
    );
  }
  for (const [, what] of sentence.matchAll(/Insufficient ([\w.-]+\/?[\w.-]*\w)/g)) {
    if (what === 'memory' || what === 'cpu') continue;
    words.push(
      what === 'ephemeral-storage' ? 'too little scratch space is free' : `no ${what} is free`
    );
  }
  if (/untolerated taint/.test(sentence)) words.push('some nodes are reserved for others');
  if (/didn't match Pod's node affinity\/selector/.test(sentence)) {
    words.push('some nodes are not of the kind that is asked for');
  }
  if (/were unschedulable/.test(sentence)) words.push('some nodes are closed for maintenance');
  if (/volume node affinity conflict/.test(sentence))
    words.push('some nodes cannot reach its volume');
  return words;
}

/** What the scheduler says of preemption behind its sentence repeats it for pods that could be pushed out. */
export function schedulersSentence(message: string): string {
  return message.split(/\.? preemption:/, 1)[0]!;
}

function memoryWords(asked: Asked, room: FreeCapacity | null): string {
  // Others may have gone since the scheduler looked, and the largest node be one that it must not take.
  const isShort = room !== null && (asked.memoryMiB === null || room.memoryMiB < asked.memoryMiB);
  return isShort
    ? `the largest free node has ${memory(room.memoryMiB)}`
    : 'no node has that much free';
}

/** Processors, to the hundredth. */
function figure(cores: number): string {
  return String(Math.round(cores * 100) / 100);
}
