import * as React from 'react';
import type { Cluster, ClusterOption } from '@aglais/protocol';
import { StageRow } from '../cells/progress';
import { optionTitles } from '../clusters/options';
import { activeExecutors, lostExecutors, formatShape, formatState } from '../clusters/messages';
import { formatTime } from '../format';
import type { Trans } from '../translation';
import { MemoryLegend, MemoryRow } from './memory-row';
import { TableRow } from './table-row';

/** The number of lost executors shown; older ones are in the findings if they had an effect. */
const LOST_SHOWN = 3;

interface Props {
  readonly cluster: Cluster;
  readonly trans: Trans;
}

/** The state of the cluster, and what it waits for or why it ended. */
export function ClusterState({ cluster, trans }: Props): React.JSX.Element {
  return (
    <div className="aglais-State" role="status" data-state={cluster.state}>
      <p className="aglais-State-text">{formatState(cluster, trans)}</p>
      {(cluster.state === 'starting' || (cluster.state === 'ready' && cluster.waitingFor)) && (
        <p className="aglais-State-waiting">
          {cluster.waitingFor
            ? trans.__('Waiting for: %1', cluster.waitingFor)
            : trans.__('This takes a few seconds.')}
        </p>
      )}
      {cluster.reason && <p className="aglais-State-reason">{cluster.reason}</p>}
      {cluster.state === 'ready' && cluster.idleStopAt !== null && cluster.stages.length === 0 && (
        <p className="aglais-State-idle">
          {trans.__('Stops at %1 if idle.', formatTime(cluster.idleStopAt))}
        </p>
      )}
    </div>
  );
}

/** Size, memory, running stages and lost executors of a live cluster. */
export function ClusterDetails({
  cluster,
  offered,
  trans
}: Props & { readonly offered: readonly ClusterOption[] }): React.JSX.Element {
  const active = activeExecutors(cluster);
  const lineOf = (id: string) => cluster.memory.find(({ who }) => who === id);
  const lost = lostExecutors(cluster).slice(0, LOST_SHOWN);
  return (
    <>
      {cluster.stages.length > 0 && (
        <Section title={trans.__('Running')} className="aglais-Stages">
          <ul>
            {cluster.stages.map(stage => (
              <StageRow key={`${stage.id}.${stage.attempt}`} stage={stage} trans={trans} />
            ))}
          </ul>
        </Section>
      )}
      <Section title={trans.__('Memory')} className="aglais-MemorySection">
        <MemoryRow
          name={trans.__('Driver')}
          memory={cluster.driver.memory}
          line={lineOf('driver')}
          trans={trans}
        />
        {active.map(executor => (
          <MemoryRow
            key={executor.id}
            name={trans.__('Executor %1', executor.id)}
            detail={
              executor.runningTasks > 0
                ? trans._n('%1 task', '%1 tasks', executor.runningTasks)
                : trans.__('idle')
            }
            memory={executor.memory}
            line={lineOf(executor.id)}
            trans={trans}
          />
        ))}
        <MemoryLegend
          heapKnown={active.some(({ memory }) => memory.heapUsedMiB !== null)}
          trans={trans}
        />
      </Section>
      {cluster.tables.length > 0 && (
        <Section title={trans.__('Cached tables')} className="aglais-Tables">
          <ul>
            {cluster.tables.map(table => (
              <TableRow key={table.rdd} table={table} trans={trans} />
            ))}
          </ul>
        </Section>
      )}
      {cluster.warnings.length > 0 && (
        <Section title={trans.__('Warnings')} className="aglais-Warnings">
          <ul>
            {cluster.warnings.map(warning => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        </Section>
      )}
      {cluster.shareProblems.length > 0 && (
        <Section title={trans.__('Unavailable tables')} className="aglais-ShareProblems">
          <ul>
            {cluster.shareProblems.map(problem => (
              <li key={problem}>{problem}</li>
            ))}
          </ul>
        </Section>
      )}
      {lost.length > 0 && (
        <Section title={trans.__('Lost executors')} className="aglais-Lost">
          <ul>
            {lost.map(executor => (
              <li key={executor.id} data-executor={executor.id}>
                {trans.__('Executor %1', executor.id)}
                {executor.removedAt !== null && `, ${formatTime(executor.removedAt)}`}
                {executor.removedReason && <q>{executor.removedReason}</q>}
              </li>
            ))}
          </ul>
        </Section>
      )}
      <Section title={trans.__('Size')} className="aglais-Shape">
        <ul>
          {formatShape(cluster.shape, trans).map(line => (
            <li key={line}>{line}</li>
          ))}
          {optionTitles(cluster.options, offered).map(title => (
            <li key={title} className="aglais-Shape-option">
              {title}
            </li>
          ))}
          {cluster.sparkVersion && <li>{trans.__('Spark %1', cluster.sparkVersion)}</li>}
        </ul>
      </Section>
    </>
  );
}

/** A part of the panel under its own heading. */
export function Section(props: {
  title: string;
  className: string;
  children: React.ReactNode;
}): React.JSX.Element {
  const id = React.useId();
  return (
    <section className={`aglais-Section ${props.className}`} aria-labelledby={id}>
      <h3 id={id}>{props.title}</h3>
      {props.children}
    </section>
  );
}
