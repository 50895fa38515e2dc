import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const MIB = 2 ** 20;

/**
 * JavaScript objects and buffers of this process, MiB. Not its resident memory, which depends on when V8 returns pages:
 * on a busy machine late.
 */
export function memoryMiB(): number {
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / MIB;
}

/** The same without garbage. Buffers are freed by another thread, so the values of later calls may be lower. */
export function retainedMiB(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return memoryMiB();
}
