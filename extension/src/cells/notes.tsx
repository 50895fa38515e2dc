import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { Cluster, NotebookMemory, LocatedFinding, Shape } from '@aglais/protocol';
import { sameNotes, type CellNotes } from '../backend/selectors';
import { findingKey } from '../backend/state';
import { Card } from '../findings/card';
import type { Trans } from '../translation';
import { RunProgress } from './progress';

/** The actions that notes offer. */
export interface NotesActions {
  readonly resize: (shape: Partial<Shape>) => void;
  readonly raiseMemoryLimit: (memoryMiB: number) => void;
  readonly dismiss: (located: LocatedFinding) => void;
}

/**
 * Progress and findings under one cell. Windowed notebooks detach and re-attach it, so that which cards are expanded is
 * kept here and not in the rendered components.
 */
export class CellNotesWidget extends ReactWidget {
  constructor(
    private readonly _actions: NotesActions,
    private readonly _trans: Trans
  ) {
    super();
    this.addClass('aglais-CellNotes');
  }

  /** Replaces the notes. */
  setNotes(notes: CellNotes, cluster: Cluster | null, memory: NotebookMemory | null): void {
    const same = this._notes !== null && sameNotes(notes, this._notes);
    const sameMemory = limitsOf(memory) === limitsOf(this._memory);
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
          aria-label={trans.__('Findings of Aglais in this cell')}
        >
          {notes?.findings.map(located => {
            const key = findingKey(located);
            return (
              <Card
                key={key}
                located={located}
                cluster={this._cluster}
                notebookMemory={this._memory}
                open={this._expanded.has(key)}
                onToggle={() => this._toggle(key)}
                onResize={shape => this._actions.resize(shape)}
                onRaiseMemoryLimit={memoryMiB => this._actions.raiseMemoryLimit(memoryMiB)}
                onDismiss={() => this._actions.dismiss(located)}
                trans={trans}
              />
            );
          })}
        </div>
      </>
    );
  }

  private _toggle(key: string): void {
    if (!this._expanded.delete(key)) this._expanded.add(key);
    this.update();
  }

  private _notes: CellNotes | null = null;
  private _cluster: Cluster | null = null;
  private _memory: NotebookMemory | null = null;
  private readonly _expanded = new Set<string>();
}

/** The part that cards depend on: what is used changes all the time. */
function limitsOf(memory: NotebookMemory | null): string {
  return JSON.stringify(memory && [memory.limitMiB, memory.maxMiB, memory.blockedReason]);
}

/** Cards depend only on the state and size of a cluster; its metrics change all the time. */
function sameForAdvice(a: Cluster | null, b: Cluster | null): boolean {
  const sameSize = JSON.stringify(a?.shape) === JSON.stringify(b?.shape);
  return a?.id === b?.id && a?.state === b?.state && sameSize;
}
