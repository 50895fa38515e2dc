import type { Confidence, Cost, Evidence, Finding, Severity } from '@aglais/protocol';
import { duration, moment, type Trans } from '../words';

/** How a card of this severity is introduced to those who do not see its colour. */
export function severityWords(severity: Severity, trans: Trans): string {
  switch (severity) {
    case 'error':
      return trans.__('Error');
    case 'warning':
      return trans.__('Warning');
    case 'info':
      return trans.__('Note');
  }
}

export function confidenceWords(confidence: Confidence, trans: Trans): string {
  switch (confidence) {
    case 'certain':
      return trans.__('directly observed');
    case 'likely':
      return trans.__('the only known cause that fits');
    case 'possible':
      return trans.__('one of several possible causes');
  }
}

/** What an incident took, or null if it took nothing. */
export function costWords(cost: Cost | undefined, trans: Trans): string | null {
  if (!cost) return null;
  const parts: string[] = [];
  if (cost.recomputedTasks > 0) {
    parts.push(trans._n('%1 task ran twice', '%1 tasks ran twice', cost.recomputedTasks));
  }
  if (cost.taskMs > 0) {
    parts.push(trans.__('%1 of executor time lost', duration(cost.taskMs, trans)));
  }
  if (cost.wallMs > 0) parts.push(trans.__('held up for %1', duration(cost.wallMs, trans)));
  return parts.length > 0 ? parts.join(' · ') : null;
}

/** When it was seen and how often. */
export function seenWords(finding: Finding, trans: Trans): string {
  return finding.count > 1
    ? trans.__('%1 times, last at %2', finding.count, moment(finding.lastSeen))
    : moment(finding.lastSeen);
}

/** Where a piece of evidence is from, in words. */
export function sourceWords(source: Evidence['source'], trans: Trans): string {
  switch (source) {
    case 'eventlog':
      return trans.__('Spark event log');
    case 'container':
      return trans.__('Container state');
    case 'k8s-event':
      return trans.__('Kubernetes event');
    case 'log':
      return trans.__('Log');
    case 'cgroup':
      return trans.__('Kernel counters (cgroup)');
    case 'client':
      return trans.__('Spark client');
  }
}
