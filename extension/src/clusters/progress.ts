import type { CellRun, StageProgress } from '@aglais/protocol';
import { formatDuration } from '../format';
import type { Trans } from '../translation';

type Tasks = StageProgress['tasks'];

/** The completed fraction of tasks, 0–1; null if there are no tasks. */
export function fraction(tasks: Tasks): number | null {
  return tasks.total === 0 ? null : Math.min(1, tasks.done / tasks.total);
}

/** "120 of 200 tasks · 8 running · 3 failed": zeros are omitted. */
export function formatTasks(tasks: Tasks, trans: Trans): string {
  const parts = [trans._n('%2 of %1 task', '%2 of %1 tasks', tasks.total, tasks.done)];
  if (tasks.running > 0) parts.push(trans.__('%1 running', tasks.running));
  if (tasks.failed > 0) parts.push(trans.__('%1 failed', tasks.failed));
  return parts.join(' · ');
}

/** The stages to show while a cell runs: the running ones, otherwise the next waiting one. */
export function visibleStages(run: CellRun): StageProgress[] {
  const running = run.progress.stages.filter(stage => stage.state === 'running');
  return running.length > 0
    ? running
    : run.progress.stages.filter(stage => stage.state === 'waiting').slice(0, 1);
}

/** Name of a stage, with the attempt unless it is the first. */
export function formatStage(stage: StageProgress, trans: Trans): string {
  const name = stage.name.trim() || trans.__('Stage %1', stage.id);
  return stage.attempt > 0 ? trans.__('%1 (attempt %2)', name, stage.attempt + 1) : name;
}

/** One line for a finished run: "Spark: 3 jobs · 412 tasks · 12 s". */
export function formatRunSummary(run: CellRun, trans: Trans): string {
  const { jobs, tasks } = run.progress;
  const parts = [
    trans._n('Spark: %1 job', 'Spark: %1 jobs', jobs.total),
    trans._n('%1 task', '%1 tasks', tasks.done)
  ];
  if (tasks.failed > 0) parts.push(trans.__('%1 failed', tasks.failed));
  if (run.outcome === 'cancelled') parts.push(trans.__('cancelled'));
  if (run.endedAt !== null) parts.push(formatDuration(run.endedAt - run.startedAt, trans));
  return parts.join(' · ');
}
