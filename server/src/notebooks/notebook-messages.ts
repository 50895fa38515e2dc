import { ProblemError } from '../problems.js';
import type { PodMemory } from './notebook-pod.js';

const gib = (mib: number) => `${(mib / 1024).toFixed(1)} GiB`;
const ELSEWHERE =
  'Stop programs or kernels that you do not need, or restart the Jupyter server to have it scheduled to another node: its variables are lost then.';

/** Why the memory of a notebook is unknown, or was not changed: what happened, what was kept, what to do. */
export const problems = {
  notOffered: () =>
    new ProblemError(
      404,
      'no-notebook-pods',
      'Aglais does not manage the memory of notebooks here: its configuration names no pods of notebooks.'
    ),
  noProof: () =>
    new ProblemError(
      403,
      'no-proof',
      'The request has no pod token, so it is not known in which pod this Jupyter Server runs. Nothing was changed. ' +
        'Ask your administrator to mount a token into it (docs/operations/kubernetes.md).'
    ),
  wrongProof: () =>
    new ProblemError(
      403,
      'no-proof',
      'The pod token is not valid, or has expired. Nothing was changed. It is renewed automatically: try again in a minute.'
    ),
  mayNotReview: (words: string) =>
    new ProblemError(
      403,
      'may-not-ask',
      `Kubernetes does not allow Aglais to verify the pod token (${words}). Nothing was changed. Ask your administrator to grant the rights of docs/operations/kubernetes.md.`
    ),
  notANotebook: (pod: string, why: string) =>
    new ProblemError(
      403,
      'not-a-notebook',
      `Aglais does not manage the memory of the pod ${pod}: ${why}. Nothing was changed.`
    ),
  blocked: (why: string) => new ProblemError(409, 'resize-refused', `${why} Nothing was changed.`),
  tooMuch: (maxMiB: number) =>
    new ProblemError(
      409,
      'too-much',
      `The maximum for a notebook is ${gib(maxMiB)} here. Nothing was changed. Ask your administrator if you need more.`
    ),
  onlyMore: (limitMiB: number) =>
    new ProblemError(
      409,
      'only-more',
      `The notebook has ${gib(limitMiB)} now, and its limit can only be raised: a lower one could kill what runs in it. Nothing was changed.`
    ),
  noCapacity: (needsMiB: number, freeMiB: number, fitsMiB: number | null) =>
    new ProblemError(
      409,
      'no-room',
      `The node of this notebook has ${gib(Math.max(0, freeMiB))} free, and this needs ${gib(needsMiB)} more. Nothing was changed. ` +
        (fitsMiB === null
          ? `It has no free memory for this notebook now. ${ELSEWHERE}`
          : `The maximum there is ${gib(fitsMiB)} now. ${ELSEWHERE}`)
    ),
  infeasible: (words: string | null) =>
    new ProblemError(
      409,
      'no-room',
      `The node of this notebook can never have that much memory for it${words ? ` (${words})` : ''}. Its limit was not changed. Ask for less. ${ELSEWHERE}`
    ),
  notYet: ({ limitMiB, pendingMiB, state, words }: PodMemory) =>
    new ProblemError(
      409,
      'resize-incomplete',
      `The notebook still has ${limitMiB === null ? 'no limit' : gib(limitMiB)}: ` +
        (state === 'deferred'
          ? 'its node has no free memory now'
          : 'the change is still in progress') +
        `${words ? ` (${words})` : ''}. Nothing was restarted. ` +
        `Kubernetes keeps trying, and raises it to ${pendingMiB === null ? 'more' : gib(pendingMiB)} as soon as there is capacity; ask for the present limit to cancel that.`
    ),
  unreachable: (words: string) =>
    new ProblemError(
      503,
      'kubernetes-unreachable',
      `The Kubernetes API server does not answer (${words}). The notebook keeps running; whether its limit was raised can be seen when Kubernetes answers again.`
    ),
  refused: (words: string) =>
    new ProblemError(
      409,
      'resize-refused',
      `Kubernetes did not change the memory of this pod: ${words}. Its limit is the same as before.`
    ),
  unsupported: () =>
    new ProblemError(
      409,
      'resize-refused',
      'This Kubernetes cannot resize running pods (1.33 or newer can). Nothing was changed; ask your administrator for a larger notebook.'
    )
};
