import type { Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { formatNames } from './format.js';
import { podNames, podFinding, firstLine, type FailedPod } from './pod-startup.js';

/** What the scheduler's message about a volume claim means. */
const CLAIM_PROBLEMS: Record<string, string> = {
  'not found': 'does not exist',
  'is being deleted': 'is being deleted'
};

/** Volumes that could not be mounted, or volume claims that are missing or unbound. */
export function mountFailed(app: Application, failed: readonly FailedPod[]): Finding {
  const message = failed[0]!.note.message ?? '';
  const claim = /persistentvolumeclaim "([^"]+)" (not found|is being deleted)/.exec(message);
  if (claim || /unbound immediate PersistentVolumeClaims/.test(message)) {
    const [, name, state] = claim ?? [];
    const which = name === undefined ? '' : ` ${name}`;
    const problem = state === undefined ? 'is not bound to a volume yet' : CLAIM_PROBLEMS[state]!;
    return podFinding(app, 'mount-failed', failed, {
      title: `${which ? 'Volume' : 'A volume'} claim${which} ${problem}`,
      what: `${which ? 'the' : 'a'} volume claim${which} ${problem}, so no node can run ${podNames(failed)}`,
      hint: 'mount',
      sentence:
        'Your code did not cause this: your administrators have to create the claim, or remove it from the configuration.'
    });
  }
  const volumes = new Set(
    failed.flatMap(
      ({ note }) =>
        /for volume "([^"]+)"/.exec(note.message ?? '')?.[1] ??
        /unmounted volumes=\[([^\]]+)\]/.exec(note.message ?? '')?.[1] ??
        []
    )
  );
  const what = volumes.size > 0 ? formatNames('volume', [...volumes].sort()) : 'A volume';
  return podFinding(app, 'mount-failed', failed, {
    title: `${what.charAt(0).toUpperCase()}${what.slice(1)} cannot be mounted`,
    what: `${what.replace(/^A /, 'a ')} could not be mounted for ${podNames(failed)}: ${firstLine(message)}`,
    hint: 'mount',
    sentence:
      'Your code did not cause this: your administrators have to fix the volume. The evidence quotes the error of its server or driver.'
  });
}
