import { ProblemError } from '../problems.js';
import type { PodMemory } from './notebook-pod.js';

const gib = (mib: number) => `${(mib / 1024).toFixed(1)} GiB`;
const ELSEWHERE =
  'Stop programs or kernels that you do not need, or restart the Jupyter server to be placed on another node: its variables are lost then.';

/** Why the memory of a notebook is not known, or stays as it is; what happened, what was kept, what to do. */
export const problems = {
  notOffered: () =>
    new ProblemError(
      404,
      'no-notebook-pods',
      'Here the memory of notebooks is not looked after: the config of this Aglais names no pods of notebooks.'
    ),
  noProof: () =>
    new ProblemError(
      403,
      'no-proof',
      'Nothing says in which pod this Jupyter Server runs, so its memory is not known here and was not changed. ' +
        'The operator has to mount a token for it (docs/operations/kubernetes.md).'
    ),
  wrongProof: () =>
    new ProblemError(
      403,
      'no-proof',
      'The token of this pod is not valid (any more), so nothing was changed. It is made anew by itself: try again in a minute.'
    ),
  mayNotReview: (words: string) =>
    new ProblemError(
      403,
      'may-not-ask',
      `Kubernetes does not let Aglais see whose pod this is (${words}). Nothing was changed. Ask the operator for the rights of docs/operations/kubernetes.md.`
    ),
  notANotebook: (pod: string, why: string) =>
    new ProblemError(
      403,
      'not-a-notebook',
      `The pod ${pod} is none of the notebooks that Aglais looks after: ${why}. Nothing was changed.`
    ),
  hindered: (why: string) => new ProblemError(409, 'resize-refused', `${why} Nothing was changed.`),
  tooMuch: (maxMiB: number) =>
    new ProblemError(
      422,
      'too-much',
      `A notebook may be given at most ${gib(maxMiB)} here. Nothing was changed. Ask the operator if you need more.`
    ),
  onlyMore: (limitMiB: number) =>
    new ProblemError(
      422,
      'only-more',
      `The notebook has ${gib(limitMiB)} now and can only be given more: less could end what runs in it. Nothing was changed.`
    ),
  noCapacity: (needsMiB: number, freeMiB: number, fitsMiB: number | null) =>
    new ProblemError(
      409,
      'no-room',
      `The node of this notebook has ${gib(Math.max(0, freeMiB))} left, and this needs ${gib(needsMiB)} more. Nothing was changed. ` +
        (fitsMiB === null
          ? `There is no room for more at all now. ${ELSEWHERE}`
          : `The most that it can get there now is ${gib(fitsMiB)}. ${ELSEWHERE}`)
    ),
  neverThere: (words: string | null) =>
    new ProblemError(
      409,
      'no-room',
      `Its node can never give the notebook so much${words ? ` (${words})` : ''}. It keeps the memory that it had. Ask for less. ${ELSEWHERE}`
    ),
  notYet: ({ limitMiB, pendingMiB, state, words }: PodMemory) =>
    new ProblemError(
      409,
      'resize-incomplete',
      `The notebook still has ${limitMiB === null ? 'no limit' : gib(limitMiB)}: ` +
        (state === 'deferred' ? 'its node has no room now' : 'its node has not made it so yet') +
        `${words ? ` (${words})` : ''}. Nothing was restarted. ` +
        `Kubernetes goes on trying, and it gets ${pendingMiB === null ? 'more' : gib(pendingMiB)} as soon as there is capacity; ask for less to take that back.`
    ),
  away: (words: string) =>
    new ProblemError(
      503,
      'kubernetes-away',
      `Kubernetes does not answer now (${words}). The notebook goes on; whether it got more memory is seen when Kubernetes is back.`
    ),
  refused: (words: string) =>
    new ProblemError(
      409,
      'resize-refused',
      `Kubernetes did not change the memory of this pod: ${words}. The notebook has what it had.`
    ),
  cannot: () =>
    new ProblemError(
      409,
      'resize-refused',
      'This Kubernetes cannot change the memory of pods that run (1.33 or newer can). The notebook has what it had; ask the operator for a larger one.'
    )
};
