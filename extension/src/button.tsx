import * as React from 'react';

/**
 * Attributes that suppress the notebook's shortcuts while the element has the focus: "d, d" on a button must not
 * delete its cell.
 */
export const SUPPRESS_SHORTCUTS = { 'data-lm-suppress-shortcuts': 'true' };

/** A button in the style of the Jupyter theme. */
export function Button(
  props: React.ButtonHTMLAttributes<HTMLButtonElement> & { primary?: boolean }
): React.JSX.Element {
  const { primary, className, ...rest } = props;
  const classes = ['aglais-Button', primary && 'aglais-mod-primary', className];
  return (
    <button
      type="button"
      className={classes.filter(Boolean).join(' ')}
      {...SUPPRESS_SHORTCUTS}
      {...rest}
    />
  );
}
