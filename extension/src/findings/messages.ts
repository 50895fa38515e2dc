import type { Confidence, Cost, Evidence, Finding, Severity } from '@aglais/protocol';
import { formatDuration, formatTime } from '../format';
import type { Trans } from '../translation';

/** The severity as text, for those who cannot see the colour of a card. */
export function formatSeverity(severity: Severity, trans: Trans): string {
  switch (severity) {
    case 'error':
      return trans.__('Error');
    case 'warning':
      return trans.__('Warning');
    case 'info':
      return trans.__('Note');
  }
}

export function formatConfidence(confidence: Confidence, trans: Trans): string {
  switch (confidence) {
    case 'certain':
      return trans.__('directly observed');
    case 'likely':
      return trans.__('the only known cause that fits');
    case 'possible':
      return trans.__('one of several possible causes');
  }
}

/** What an incident cost; null if nothing. */
export function formatCost(cost: Cost | undefined, trans: Trans): string | null {
  if (!cost) return null;
  const parts: string[] = [];
  if (cost.recomputedTasks > 0) {
    parts.push(trans._n('%1 task recomputed', '%1 tasks recomputed', cost.recomputedTasks));
  }
  if (cost.taskMs > 0) {
    parts.push(trans.__('%1 of executor time wasted', formatDuration(cost.taskMs, trans)));
  }
  if (cost.wallMs > 0) parts.push(trans.__('delayed by %1', formatDuration(cost.wallMs, trans)));
  return parts.length > 0 ? parts.join(' · ') : null;
}

/** When a finding was seen last, and how often. */
export function formatSeen(finding: Finding, trans: Trans): string {
  return finding.count > 1
    ? trans.__('%1 times, last at %2', finding.count, formatTime(finding.lastSeen))
    : formatTime(finding.lastSeen);
}

/** The source of a piece of evidence. */
export function formatSource(source: Evidence['source'], trans: Trans): string {
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
