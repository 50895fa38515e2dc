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
import { isLive } from '../backend/select';
import { Button, KEEPS_KEYS } from '../button';
import { resized, shapeChanges } from '../clusters/messages';
import { growth } from '../notebook-memory/messages';
import { gib, moment, type Trans } from '../words';
import { confidenceWords, costWords, seenWords, severityWords, sourceWords } from './words';

export interface CardProps {
  readonly placed: LocatedFinding;
  /** The cluster that advice would change: the one that the kernel has now. */
  readonly cluster: Cluster | null;
  /** Of the pod in which the notebook runs, where it can be raised. */
  readonly notebookMemory: NotebookMemory | null;
  readonly open: boolean;
  readonly onToggle: () => void;
  readonly onResize: (shape: Partial<Shape>) => void;
  readonly onGrowNotebook: (memoryMiB: number) => void;
  readonly onDismiss: () => void;
  /** Leads to the cell that suffered, where the card is not under it. */
  readonly onShowCell?: (() => void) | undefined;
  readonly trans: Trans;
}

/** One finding: what happened and what it cost, in its own words; what would help; the evidence on request. */
export function Card(props: CardProps): React.JSX.Element {
  const { placed, open, trans } = props;
  const { finding } = placed;
  const id = React.useId();
  const cost = costWords(finding.cost, trans);
  return (
    <article
      className="aglais-Card"
      data-code={finding.code}
      data-severity={finding.severity}
      data-finding-id={finding.id}
      aria-labelledby={`${id}-title`}
    >
      <header className="aglais-Card-header">
        <span className="aglais-Card-severity">{severityWords(finding.severity, trans)}</span>
        <h4 id={`${id}-title`} className="aglais-Card-title">
          {finding.title}
        </h4>
      </header>
      <p className="aglais-Card-explanation">{finding.explanation}</p>
      {finding.effects.length > 0 && (
        <ul className="aglais-Card-effects" aria-label={trans.__('What this caused')}>
          {finding.effects.map((effect, index) => (
            <li key={index}>{effect}</li>
          ))}
        </ul>
      )}
      {finding.advice.length > 0 && (
        <ul className="aglais-Card-advice" aria-label={trans.__('What would help')}>
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
            <GrowButton key={index} {...props} wantedMiB={advice.memoryMiB} />
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
            {trans.__('Confidence: %1', confidenceWords(finding.confidence, trans))}
            {' · '}
            {trans.__('Seen: %1', seenWords(finding, trans))}
          </p>
          {cost && (
            <p className="aglais-Card-cost">
              <span className="aglais-Card-label">{trans.__('Cost')}</span> {cost}
            </p>
          )}
          {finding.evidence.map((evidence, index) => (
            <Quote key={index} evidence={evidence} trans={trans} />
          ))}
        </section>
      )}
    </article>
  );
}

/** The sentence says it all; the hint of a `code` advice is for programs. */
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
  const changes = shapeChanges(cluster.shape, resized(cluster.shape, shape), trans);
  if (changes.length === 0) {
    return <span className="aglais-Card-done">{trans.__('Spark has this size now.')}</span>;
  }
  const size = changes.map(change => change.short).join(', ');
  const label = !isLive(cluster)
    ? trans.__('Start with %1', size)
    : canResizeInPlace(cluster.shape, resized(cluster.shape, shape), cluster.resizeInPlace)
      ? trans.__('Give %1 now, without a restart', size)
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

/** The kernel's own memory is its pod's: not Spark's size, and not there where Jupyter is in no pod. */
function GrowButton(
  props: Pick<CardProps, 'notebookMemory' | 'onGrowNotebook' | 'trans'> & { wantedMiB: number }
): React.JSX.Element | null {
  const { notebookMemory, wantedMiB, trans } = props;
  if (!notebookMemory) return null;
  const grown = growth(notebookMemory, wantedMiB, trans);
  if ('why' in grown) return <span className="aglais-Card-done">{grown.why}</span>;
  const { memoryMiB } = grown;
  return (
    <Button primary className="aglais-Card-grow" onClick={() => props.onGrowNotebook(memoryMiB)}>
      {trans.__('Give the notebook %1 GiB now, without a restart', gib(memoryMiB))}
    </Button>
  );
}

function Quote({ evidence, trans }: { evidence: Evidence; trans: Trans }): React.JSX.Element {
  return (
    <figure className="aglais-Evidence" data-source={evidence.source}>
      <blockquote>
        <pre tabIndex={0} {...KEEPS_KEYS}>
          {evidence.quote}
        </pre>
      </blockquote>
      <figcaption>
        {sourceWords(evidence.source, trans)}
        {evidence.at !== null && ` · ${moment(evidence.at)}`}
        {' · '}
        <span className="aglais-Evidence-ref">{evidence.ref}</span>
      </figcaption>
    </figure>
  );
}
