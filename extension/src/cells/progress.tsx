import * as React from 'react';
import type { CellRun, StageProgress } from '@aglais/protocol';
import {
  fraction,
  visibleStages,
  formatStage,
  formatRunSummary,
  formatTasks
} from '../clusters/progress';
import type { Trans } from '../translation';

/** A progress bar of tasks: done and running. */
export function TaskBar(props: {
  tasks: StageProgress['tasks'];
  label: string;
  trans: Trans;
}): React.JSX.Element {
  const { tasks, label, trans } = props;
  const done = fraction(tasks);
  const running = tasks.total === 0 ? 0 : Math.min(tasks.running / tasks.total, 1 - (done ?? 0));
  return (
    <div
      className="aglais-Bar"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={tasks.total}
      aria-valuenow={tasks.done}
      aria-valuetext={formatTasks(tasks, trans)}
    >
      <div className="aglais-Bar-done" style={{ width: `${(done ?? 0) * 100}%` }} />
      <div className="aglais-Bar-running" style={{ width: `${running * 100}%` }} />
    </div>
  );
}

/** One running stage: its name and its tasks. */
export function StageRow(props: { stage: StageProgress; trans: Trans }): React.JSX.Element {
  const { stage, trans } = props;
  const text = formatStage(stage, trans);
  return (
    <li className="aglais-Stage" data-stage={stage.id} data-attempt={stage.attempt}>
      <span className="aglais-Stage-name" title={text}>
        {text}
      </span>
      <span className="aglais-Stage-tasks">{formatTasks(stage.tasks, trans)}</span>
      <TaskBar tasks={stage.tasks} label={text} trans={trans} />
    </li>
  );
}

/** Under a running cell: its tasks and its running stages. Under a finished cell: one line. */
export function RunProgress(props: {
  run: CellRun;
  running: boolean;
  trans: Trans;
}): React.JSX.Element | null {
  const { run, running, trans } = props;
  const { jobs, tasks } = run.progress;
  if (jobs.total === 0) return null;
  if (!running) {
    return (
      <div className="aglais-RunSummary" data-outcome={run.outcome}>
        {formatRunSummary(run, trans)}
      </div>
    );
  }
  return (
    <div className="aglais-Progress" role="group" aria-label={trans.__('Spark progress')}>
      <div className="aglais-Progress-whole">
        <span className="aglais-Progress-text">{formatTasks(tasks, trans)}</span>
        <span className="aglais-Progress-jobs">
          {trans.__('job %1 of %2', Math.min(jobs.done + jobs.failed + 1, jobs.total), jobs.total)}
        </span>
        <TaskBar tasks={tasks} label={trans.__('All tasks of this cell')} trans={trans} />
      </div>
      <ul className="aglais-Progress-stages">
        {visibleStages(run).map(stage => (
          <StageRow key={`${stage.id}.${stage.attempt}`} stage={stage} trans={trans} />
        ))}
      </ul>
    </div>
  );
}
