import type { NotebookMemory } from '@aglais/protocol';
import { formatMemory, formatMemoryUse } from '../format';
import type { Trans } from '../translation';

/** Offered limits are multiples of this, MiB. */
const STEP_MIB = 128;

/** The limit that can be set, or the reason why it cannot be raised. */
export type ReachableLimit = { memoryMiB: number } | { reason: string };

/** How far the limit can be raised towards `requestedMiB`. */
export function reachableLimit(
  memory: NotebookMemory,
  requestedMiB: number,
  trans: Trans
): ReachableLimit {
  const { limitMiB, maxMiB, blockedReason } = memory;
  if (limitMiB !== null && limitMiB >= requestedMiB) {
    return { reason: trans.__('The notebook already has this much memory.') };
  }
  if (limitMiB === null || blockedReason !== null) {
    return { reason: blockedReason ?? trans.__('The notebook has no memory limit.') };
  }
  if (limitMiB >= maxMiB) {
    return { reason: trans.__('The notebook already has the maximum memory.') };
  }
  return { memoryMiB: Math.min(requestedMiB, maxMiB) };
}

/** Limits to choose from, MiB, ascending up to the maximum; empty if the limit cannot be raised. */
export function offeredLimits({ limitMiB, maxMiB, blockedReason }: NotebookMemory): number[] {
  if (limitMiB === null || blockedReason !== null || limitMiB >= maxMiB) return [];
  const offered = [1.5, 2, 3, 4, 6, 8]
    .map(factor => Math.ceil((factor * limitMiB) / STEP_MIB) * STEP_MIB)
    .filter(size => size < maxMiB);
  return [...offered, maxMiB];
}

/** "1.4 of 2.0 GiB"; the limit alone while the use is unknown. */
export function formatUsage({ usedMiB, limitMiB }: NotebookMemory, trans: Trans): string {
  return formatMemoryUse(usedMiB, limitMiB, trans) ?? trans.__('unknown');
}

/** Out-of-memory kills, a pending limit, and why the limit cannot be raised: a sentence each. */
export function formatRemarks(memory: NotebookMemory, trans: Trans): string[] {
  const { oomKills, pendingMiB, waitingFor, blockedReason, limitMiB, maxMiB } = memory;
  const remarks: string[] = [];
  if (oomKills !== null && oomKills > 0) {
    remarks.push(
      trans._n(
        '%1 process was killed for lack of memory.',
        '%1 processes were killed for lack of memory.',
        oomKills
      )
    );
  }
  if (pendingMiB !== null) {
    remarks.push(
      waitingFor
        ? trans.__('%1 requested; waiting for %2.', formatMemory(pendingMiB, trans), waitingFor)
        : trans.__('%1 requested.', formatMemory(pendingMiB, trans))
    );
  }
  if (blockedReason !== null) remarks.push(blockedReason);
  else if (limitMiB !== null && limitMiB >= maxMiB) {
    remarks.push(trans.__('It has the maximum memory.'));
  }
  return remarks;
}
