const MIB = 2 ** 20;

/**
 * JavaScript objects and buffers of this process, MiB. Not its resident memory, which depends on when V8 returns pages:
 * on a busy machine late.
 */
export function memoryMiB(): number {
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / MIB;
}
