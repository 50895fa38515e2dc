import type { TranslationBundle } from '@jupyterlab/translation';

/** Translates the user-visible messages. */
export type Trans = Pick<TranslationBundle, '__' | '_n'>;

/** The gettext domain of this extension. */
export const DOMAIN = 'aglais';
