import type { Evidence } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { Incident } from './executor-incidents.js';
import type { ExecutorLoss } from './executor-loss-cause.js';
import { formatNames, plural } from './format.js';

/** Evidence of the executor losses, then of the lost work, without quoting the same reason twice. */
export function evidenceOf({ losses, lostWork }: Incident): Evidence[] {
  const lost = losses.flatMap(loss => loss.evidence);
  const reasons = new Set(lost.map(({ quote }) => quote));
  const others = lostWork.flatMap(({ evidence }) => evidence ?? []);
  return [
    ...lost,
    ...others.filter(({ quote }) => ![...reasons].some(reason => reason.startsWith(quote)))
  ];
}

/** An effect sentence about tasks of other cells that were lost with the same executors. */
export function bystanders(app: Application, incident: Incident): string[] {
  const lost = total(incident.bystanders);
  if (lost === 0) return [];
  const cells = new Set(
    incident.bystanders.flatMap(({ scope }) => app.scopes.get(scope).cell ?? [])
  );
  const whose = cells.size > 0 ? ` of ${formatNames('cell', [...cells].sort())}` : ' of other work';
  return [`${plural(lost, 'task attempt')}${whose} failed with it too and ran again`];
}

/** Whether a job's failure message names the loss of one of these executors. */
export function failedWithExecutor(message: string, ids: readonly string[]): boolean {
  const executor = /ExecutorLostFailure \(executor (\S+) /.exec(message)?.[1];
  return executor !== undefined && ids.includes(executor);
}

/** Whether tasks failed to fetch shuffle blocks because of this incident. */
export function hasFetchFailures({ lostWork }: Incident): boolean {
  return lostWork.some(({ kind }) => kind === 'fetch');
}

/** The loss with the highest confidence; the first of equals. */
export function mostCertain(losses: readonly ExecutorLoss[]): ExecutorLoss {
  const order = ['certain', 'likely', 'possible'];
  return losses.reduce((a, b) =>
    order.indexOf(b.confidence) < order.indexOf(a.confidence) ? b : a
  );
}

/** Attempts lost, in total. */
export function total(lostWork: Incident['lostWork']): number {
  return lostWork.reduce((sum, { count }) => sum + count, 0);
}
