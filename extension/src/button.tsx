import * as React from 'react';

/**
 * Keys that are pressed on an element with these attributes are no shortcuts of the notebook: "d, d"
 * on a focused button must not delete its cell. They have to be on the element with the focus itself.
 */
export const KEEPS_KEYS = { 'data-lm-suppress-shortcuts': 'true' };

/** A button in the style of the theme. */
export function Button(
  props: React.ButtonHTMLAttributes<HTMLButtonElement> & { primary?: boolean }
): React.JSX.Element {
  const { primary, className, ...rest } = props;
  const classes = ['aglais-Button', primary && 'aglais-mod-primary', className];
  return (
    <button type="button" className={classes.filter(Boolean).join(' ')} {...KEEPS_KEYS} {...rest} />
  );
}
