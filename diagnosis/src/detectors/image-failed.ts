import type { Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { podNames, podFinding, firstLine, type FailedPod } from './pod-startup.js';

/** Images that could not be pulled, or containers that could not be started. */
export function imageFailed(app: Application, failed: readonly FailedPod[]): Finding {
  const { reason, message } = failed[0]!.note;
  const image = /image "([^"]+)"/.exec(message ?? '')?.[1];
  const container =
    /^(?:CreateContainer|RunContainer|StartError|ContainerCannotRun|FailedCreate)/.test(reason);
  return podFinding(app, 'image-failed', failed, {
    title: container
      ? 'A container could not be started'
      : `The image ${image === undefined ? '' : `${image} `}could not be pulled`,
    what: `${container ? 'the container' : 'the image'} of ${podNames(failed)} could not be ${container ? 'started' : 'pulled'} (${reason}): ${firstLine(message ?? reason)}`,
    hint: 'image',
    sentence: container
      ? 'The evidence names the problem in the image or its configuration; fix it and start the session again.'
      : 'Check the name and tag of the image, and whether the cluster is allowed to pull it; then start the session again.'
  });
}
