import type { NotebookMemory } from '@aglais/protocol';
import { gib, usedOfGranted, type Trans } from '../words';

/** Sizes are offered in whole steps of this, MiB. */
const STEP = 128;

/** What can be given of a size that would help: that much, or why nothing. */
export type Growth = { memoryMiB: number } | { why: string };

/** How far the notebook can be grown towards `wantedMiB`, as far as this page knows. */
export function growth(memory: NotebookMemory, wantedMiB: number, trans: Trans): Growth {
  const { limitMiB, maxMiB, blockedReason } = memory;
  if (limitMiB !== null && limitMiB >= wantedMiB) {
    return { why: trans.__('The notebook has this much now.') };
  }
  if (limitMiB === null || blockedReason !== null) {
    return { why: blockedReason ?? trans.__('The notebook has no limit.') };
  }
  if (limitMiB >= maxMiB) {
    return { why: trans.__('The notebook has the most that it can be given.') };
  }
  return { memoryMiB: Math.min(wantedMiB, maxMiB) };
}

/** Sizes to choose from, MiB, the smallest first and the most last; empty if it cannot be given more. */
export function sizes({ limitMiB, maxMiB, blockedReason }: NotebookMemory): number[] {
  if (limitMiB === null || blockedReason !== null || limitMiB >= maxMiB) return [];
  const offered = [1.5, 2, 3, 4, 6, 8]
    .map(factor => Math.ceil((factor * limitMiB) / STEP) * STEP)
    .filter(size => size < maxMiB);
  return [...offered, maxMiB];
}

/** "0.7 of 2.0 GiB"; what it has where nobody knows what it uses. */
export function memoryFigure({ usedMiB, limitMiB }: NotebookMemory, trans: Trans): string {
  return usedOfGranted(usedMiB, limitMiB, trans) ?? trans.__('not known yet');
}

/** What else a person should know of it, a sentence each. */
export function memoryRemarks(memory: NotebookMemory, trans: Trans): string[] {
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
      trans.__('%1 GiB are asked for; waiting for: %2', gib(pendingMiB), waitingFor ?? '')
    );
  }
  if (blockedReason !== null) remarks.push(blockedReason);
  else if (limitMiB !== null && limitMiB >= maxMiB) {
    remarks.push(trans.__('It has the most that it can be given.'));
  }
  return remarks;
}
