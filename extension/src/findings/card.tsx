import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type {
  Advice,
  Cluster,
  Evidence,
  NotebookMemory,
  LocatedFinding,
  Shape
} from '@aglais/protocol';
import { canResizeInPlace } from '@aglais/protocol/can-resize-in-place';
import { isLive } from '../backend/selectors';
import { Button, SUPPRESS_SHORTCUTS } from '../button';
import { mergeShape, shapeChanges } from '../clusters/messages';
import { reachableLimit } from '../notebook-memory/messages';
import { formatMemory, formatTime } from '../format';
import type { Trans } from '../translation';
import { formatConfidence, formatCost, formatSeen, formatSeverity, formatSource } from './messages';

export interface CardProps {
  readonly located: LocatedFinding;
  /** The cluster that the advice applies to: the present one of the kernel. */
  readonly cluster: Cluster | null;
  /** Of the pod in which the notebook runs; null if its limit cannot be raised. */
  readonly notebookMemory: NotebookMemory | null;
  readonly open: boolean;
  readonly onToggle: () => void;
  readonly onResize: (shape: Partial<Shape>) => void;
  readonly onRaiseMemoryLimit: (memoryMiB: number) => void;
  readonly onDismiss: () => void;
  /** Shows the affected cell, if the card is not under it. */
  readonly onShowCell?: (() => void) | undefined;
  readonly trans: Trans;
}

/** One finding: what happened, its effects, advice, and the evidence when expanded. */
export function Card(props: CardProps): React.JSX.Element {
  const { located, open, trans } = props;
  const { finding } = located;
  const id = React.useId();
  const cost = formatCost(finding.cost, trans);
  return (
    <article
      className="aglais-Card"
      data-code={finding.code}
      data-severity={finding.severity}
      data-finding-id={finding.id}
      aria-labelledby={`${id}-title`}
    >
      <header className="aglais-Card-header">
        <span className="aglais-Card-severity">{formatSeverity(finding.severity, trans)}</span>
        <h4 id={`${id}-title`} className="aglais-Card-title">
          {finding.title}
        </h4>
      </header>
      <p className="aglais-Card-explanation">{finding.explanation}</p>
      {finding.effects.length > 0 && (
        <ul className="aglais-Card-effects" aria-label={trans.__('Effects')}>
          {finding.effects.map((effect, index) => (
            <li key={index}>{effect}</li>
          ))}
        </ul>
      )}
      {finding.advice.length > 0 && (
        <ul className="aglais-Card-advice" aria-label={trans.__('Advice')}>
          {finding.advice.map((advice, index) => (
            <li key={index} data-action={advice.action}>
              <AdviceText advice={advice} />
            </li>
          ))}
        </ul>
      )}
      <div className="aglais-Card-actions">
        {finding.advice.map((advice, index) =>
          advice.action === 'resize' ? (
            <ResizeButton key={index} {...props} shape={advice.shape} />
          ) : advice.action === 'notebook-memory' ? (
            <RaiseMemoryLimitButton key={index} {...props} requestedMiB={advice.memoryMiB} />
          ) : null
        )}
        {props.onShowCell && <Button onClick={props.onShowCell}>{trans.__('Go to cell')}</Button>}
        {finding.evidence.length > 0 && (
          <Button
            className="aglais-Card-toggle"
            aria-expanded={open}
            aria-controls={`${id}-evidence`}
            onClick={props.onToggle}
          >
            {open ? <caretDownIcon.react tag="span" /> : <caretRightIcon.react tag="span" />}
            {open ? trans.__('Hide evidence') : trans.__('Show evidence')}
          </Button>
        )}
        <Button className="aglais-Card-dismiss" onClick={props.onDismiss}>
          {trans.__('Dismiss')}
        </Button>
      </div>
      {open && (
        <section
          id={`${id}-evidence`}
          className="aglais-Card-evidence"
          aria-label={trans.__('Evidence')}
        >
          <p className="aglais-Card-meta">
            {trans.__('Confidence: %1', formatConfidence(finding.confidence, trans))}
            {' · '}
            {trans.__('Seen: %1', formatSeen(finding, trans))}
          </p>
          {cost && (
            <p className="aglais-Card-cost">
              <span className="aglais-Card-label">{trans.__('Cost')}</span> {cost}
            </p>
          )}
          {finding.evidence.map((evidence, index) => (
            <EvidenceQuote key={index} evidence={evidence} trans={trans} />
          ))}
        </section>
      )}
    </article>
  );
}

/** The sentence is complete; the hint of a `code` advice is for programs. */
function AdviceText({ advice }: { advice: Advice }): React.JSX.Element {
  return (
    <>
      {advice.sentence}
      {advice.action === 'set' && (
        <code className="aglais-Card-code">
          {Object.entries(advice.conf)
            .map(([name, value]) => `${name}=${value}`)
            .join('\n')}
        </code>
      )}
    </>
  );
}

function ResizeButton(
  props: Pick<CardProps, 'cluster' | 'onResize' | 'trans'> & { shape: Partial<Shape> }
): React.JSX.Element | null {
  const { cluster, shape, trans } = props;
  if (!cluster) return null;
  const changes = shapeChanges(cluster.shape, mergeShape(cluster.shape, shape), trans);
  if (changes.length === 0) {
    return <span className="aglais-Card-done">{trans.__('Spark already has this size.')}</span>;
  }
  const size = changes.map(change => change.short).join(', ');
  const label = !isLive(cluster)
    ? trans.__('Start with %1', size)
    : canResizeInPlace(cluster.shape, mergeShape(cluster.shape, shape), cluster.resizeInPlace)
      ? isRaised(cluster.shape, mergeShape(cluster.shape, shape))
        ? trans.__('Raise to %1 now (no restart)', size)
        : trans.__('Change to %1 now (no restart)', size)
      : trans.__('Restart with %1', size);
  return (
    <Button
      primary
      className="aglais-Card-resize"
      disabled={isLive(cluster) && cluster.state !== 'ready'}
      onClick={() => props.onResize(shape)}
    >
      {label}
    </Button>
  );
}

/** Whether a shape is at least as large as another in memory and executors. */
function isRaised(from: Shape, to: Shape): boolean {
  return (
    to.executorMemoryMiB + to.executorOverheadMiB >=
      from.executorMemoryMiB + from.executorOverheadMiB && to.executors.max >= from.executors.max
  );
}

/** Raises the memory limit of the pod in which the kernel runs; nothing if Jupyter does not run in a managed pod. */
function RaiseMemoryLimitButton(
  props: Pick<CardProps, 'notebookMemory' | 'onRaiseMemoryLimit' | 'trans'> & {
    requestedMiB: number;
  }
): React.JSX.Element | null {
  const { notebookMemory, requestedMiB, trans } = props;
  if (!notebookMemory) return null;
  const limit = reachableLimit(notebookMemory, requestedMiB, trans);
  if ('reason' in limit) return <span className="aglais-Card-done">{limit.reason}</span>;
  const { memoryMiB } = limit;
  return (
    <Button
      primary
      className="aglais-Card-raise"
      onClick={() => props.onRaiseMemoryLimit(memoryMiB)}
    >
      {trans.__('Raise notebook memory to %1 now (no restart)', formatMemory(memoryMiB, trans))}
    </Button>
  );
}

function EvidenceQuote({
  evidence,
  trans
}: {
  evidence: Evidence;
  trans: Trans;
}): React.JSX.Element {
  return (
    <figure className="aglais-Evidence" data-source={evidence.source}>
      <blockquote>
        <pre tabIndex={0} {...SUPPRESS_SHORTCUTS}>
          {evidence.quote}
        </pre>
      </blockquote>
      <figcaption>
        {formatSource(evidence.source, trans)}
        {evidence.at !== null && ` · ${formatTime(evidence.at)}`}
        {' · '}
        <span className="aglais-Evidence-ref">{evidence.ref}</span>
      </figcaption>
    </figure>
  );
}
