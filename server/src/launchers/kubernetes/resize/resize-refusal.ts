import { ResizeRefused } from '../../launcher.js';
import { errorMessage, isTransient } from '../api/api-errors.js';

/** Why Kubernetes did not take a size, and what helps, for the one who asked. */
export function refusalOf(error: unknown): ResizeRefused {
  if (error instanceof ResizeRefused) return error;
  const words = withoutStop(errorMessage(error));
  const what = isTransient(error)
    ? `Kubernetes did not answer the request for this size (${words}), after several attempts. ` +
      'Nothing was changed. Please try again in a few minutes.'
    : `Kubernetes does not accept this size (${words}). Nothing was changed, and it is not tried again. ` +
      adviceAgainst(words);
  return new ResizeRefused(what, { cause: error });
}

/** Advice for a permanent refusal. */
export function adviceAgainst(words: string): string {
  if (/exceeded quota/.test(words))
    return 'Stop a Spark that you do not need, ask for a smaller size, or ask the administrators for a larger quota.';
  if (/(maximum|minimum) \w+ usage per|limit to request ratio/.test(words))
    return 'Ask for a smaller size, or ask the administrators to raise the LimitRange of the namespace.';
  return 'Ask for a smaller size, or ask the administrators about quotas and limits of the namespace.';
}

const withoutStop = (words: string) => words.replace(/\.$/, '');
