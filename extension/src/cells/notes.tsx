import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { Cluster, NotebookMemory, LocatedFinding, Shape } from '@aglais/protocol';
import { sameNotes, type CellNotes } from '../backend/select';
import { findingKey } from '../backend/state';
import { Card } from '../findings/card';
import type { Trans } from '../words';
import { RunProgress } from './progress';

/** What notes can ask for. */
export interface NotesActions {
  readonly resize: (shape: Partial<Shape>) => void;
  readonly growNotebook: (memoryMiB: number) => void;
  readonly dismiss: (placed: LocatedFinding) => void;
}

/**
 * What is shown under one cell. Windowed notebooks take it out of the page and put it back: what is
 * unfolded is kept here and not in the rendered components.
 */
export class CellNotesWidget extends ReactWidget {
  constructor(
    private readonly _actions: NotesActions,
    private readonly _trans: Trans
  ) {
    super();
    this.addClass('aglais-CellNotes');
  }

  /** Shows these notes from now on. */
  setNotes(notes: CellNotes, cluster: Cluster | null, memory: NotebookMemory | null): void {
    const same = this._notes !== null && sameNotes(notes, this._notes);
    const sameMemory = canGrow(memory) === canGrow(this._memory);
    if (same && sameMemory && sameForAdvice(cluster, this._cluster)) return;
    this._notes = notes;
    this._cluster = cluster;
    this._memory = memory;
    this.update();
  }

  protected override render(): React.JSX.Element | null {
    const notes = this._notes;
    const trans = this._trans;
    return (
      <>
        {notes?.run && <RunProgress run={notes.run} running={notes.running} trans={trans} />}
        <div
          className="aglais-Cards"
          role="region"
          aria-live="polite"
          aria-label={trans.__('What Aglais found in this cell')}
        >
          {notes?.findings.map(placed => {
            const key = findingKey(placed);
            return (
              <Card
                key={key}
                placed={placed}
                cluster={this._cluster}
                notebookMemory={this._memory}
                open={this._unfolded.has(key)}
                onToggle={() => this._toggle(key)}
                onResize={shape => this._actions.resize(shape)}
                onGrowNotebook={memoryMiB => this._actions.growNotebook(memoryMiB)}
                onDismiss={() => this._actions.dismiss(placed)}
                trans={trans}
              />
            );
          })}
        </div>
      </>
    );
  }

  private _toggle(key: string): void {
    if (!this._unfolded.delete(key)) this._unfolded.add(key);
    this.update();
  }

  private _notes: CellNotes | null = null;
  private _cluster: Cluster | null = null;
  private _memory: NotebookMemory | null = null;
  private readonly _unfolded = new Set<string>();
}

/** What is used changes all the time; cards depend on what can be given only. */
function canGrow(memory: NotebookMemory | null): string {
  return JSON.stringify(memory && [memory.limitMiB, memory.maxMiB, memory.blockedReason]);
}

/** Figures of a cluster change all the time; cards depend on its state and size only. */
function sameForAdvice(a: Cluster | null, b: Cluster | null): boolean {
  const sameSize = JSON.stringify(a?.shape) === JSON.stringify(b?.shape);
  return a?.id === b?.id && a?.state === b?.state && sameSize;
}
