import * as React from 'react';
import type { CellRun, StageProgress } from '@aglais/protocol';
import { fraction, shownStages, stageWords, summaryWords, taskWords } from '../clusters/progress';
import type { Trans } from '../words';

/** A bar for tasks: done, running and the rest. */
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
      aria-valuetext={taskWords(tasks, trans)}
    >
      <div className="aglais-Bar-done" style={{ width: `${(done ?? 0) * 100}%` }} />
      <div className="aglais-Bar-running" style={{ width: `${running * 100}%` }} />
    </div>
  );
}

/** One running stage: what it is, how far it has come. */
export function StageRow(props: { stage: StageProgress; trans: Trans }): React.JSX.Element {
  const { stage, trans } = props;
  const words = stageWords(stage, trans);
  return (
    <li className="aglais-Stage" data-stage={stage.id} data-attempt={stage.attempt}>
      <span className="aglais-Stage-name" title={words}>
        {words}
      </span>
      <span className="aglais-Stage-tasks">{taskWords(stage.tasks, trans)}</span>
      <TaskBar tasks={stage.tasks} label={words} trans={trans} />
    </li>
  );
}

/** Under a running cell: the whole and its running stages. Under one that is over: one quiet line. */
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
        {summaryWords(run, trans)}
      </div>
    );
  }
  return (
    <div className="aglais-Progress" role="group" aria-label={trans.__('Progress of Spark')}>
      <div className="aglais-Progress-whole">
        <span className="aglais-Progress-words">{taskWords(tasks, trans)}</span>
        <span className="aglais-Progress-jobs">
          {trans.__('job %1 of %2', Math.min(jobs.done + jobs.failed + 1, jobs.total), jobs.total)}
        </span>
        <TaskBar tasks={tasks} label={trans.__('All tasks of this cell')} trans={trans} />
      </div>
      <ul className="aglais-Progress-stages">
        {shownStages(run).map(stage => (
          <StageRow key={`${stage.id}.${stage.attempt}`} stage={stage} trans={trans} />
        ))}
      </ul>
    </div>
  );
}
