import * as React from 'react';
import type { ClusterOption } from '@aglais/protocol';

/** The chosen names after one is toggled, in the order in which they are offered. */
export function toggle(
  chosen: readonly string[],
  name: string,
  offered: readonly ClusterOption[]
): string[] {
  const isChosen = (one: string): boolean => chosen.includes(one) !== (one === name);
  return offered.map(option => option.name).filter(isChosen);
}

/** The titles of options; the name of one that is no longer offered. */
export function optionTitles(
  names: readonly string[],
  offered: readonly ClusterOption[]
): string[] {
  return names.map(name => offered.find(option => option.name === name)?.title ?? name);
}

interface Props {
  readonly offered: readonly ClusterOption[];
  readonly chosen: readonly string[];
  readonly onChange: (chosen: string[]) => void;
  readonly legend: string;
  /** A remark below the options. */
  readonly note?: string;
}

/** Checkboxes for the options that administrators offer; nothing if there are none. */
export function OptionCheckboxes({
  offered,
  chosen,
  onChange,
  legend,
  note
}: Props): React.JSX.Element | null {
  const id = React.useId();
  if (offered.length === 0) return null;
  return (
    <fieldset className="aglais-Options">
      <legend>{legend}</legend>
      {offered.map(({ name, title, description }) => (
        <div key={name} className="aglais-Option">
          <label>
            <input
              type="checkbox"
              data-option={name}
              checked={chosen.includes(name)}
              aria-describedby={description ? `${id}-${name}` : undefined}
              onChange={() => onChange(toggle(chosen, name, offered))}
            />
            {title}
          </label>
          {description && (
            <p id={`${id}-${name}`} className="aglais-Option-description">
              {description}
            </p>
          )}
        </div>
      ))}
      {note && <p className="aglais-Options-note">{note}</p>}
    </fieldset>
  );
}
