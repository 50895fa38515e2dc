import type { Finding, FindingCode } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { ApplicationPod, Note } from '../application/pod-facts.js';
import { podsOfApplication } from '../application/pod-ownership.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import { buildFinding } from './build-finding.js';
import { formatNames, sortIds } from './format.js';
import { mountFailed } from './mount-failed.js';
import { imageFailed } from './image-failed.js';
import { waitingScopes } from './never-registered.js';

/** A pod that could not start, and the message about it. */
export interface FailedPod {
  pod: ApplicationPod;
  note: Note;
}

/**
 * Pods that cannot start: an image that cannot be pulled, a container that cannot be created, a volume that
 * cannot be mounted. Such events also occur in healthy starts (a config map that is created late) and while a
 * pod is deleted before it ran, so only pods that never ran and were not being deleted count.
 */
export function startupFindings(app: Application): Finding[] {
  const failed = (trouble: 'image' | 'mount'): FailedPod[] =>
    podsOfApplication(app).flatMap(pod => {
      const note = pod.facts.troubles.get(trouble);
      return note && !pod.facts.ran && !isAfterDeletion(pod, note) ? [{ pod, note }] : [];
    });
  // A volume is mounted before any image is pulled.
  const mount = failed('mount');
  const mounting = new Set(mount.map(({ pod }) => pod.facts.key));
  const image = failed('image').filter(({ pod }) => !mounting.has(pod.facts.key));
  return [
    ...(mount.length > 0 ? [mountFailed(app, mount)] : []),
    ...(image.length > 0 ? [imageFailed(app, image)] : [])
  ];
}

function isAfterDeletion({ facts: { deletedAt } }: ApplicationPod, { since }: Note): boolean {
  return deletedAt !== null && since !== null && since >= deletedAt;
}

/** The finding about pods that could not start for one reason. */
export function podFinding(
  app: Application,
  code: FindingCode,
  failed: readonly FailedPod[],
  text: { title: string; what: string; hint: string; sentence: string }
): Finding {
  const executors = sortIds(new Set(failed.flatMap(({ pod }) => pod.executor ?? [])));
  const someRan = [...app.executors].some(({ addedAt }) => addedAt !== null);
  return buildFinding(app, {
    code,
    scope: app.scopes.get(waitingScope(app, failed)),
    confidence: 'certain',
    title: text.title,
    what: text.what,
    lostWork: [],
    executors,
    evidence: failed.map(({ note }) => note.evidence),
    effects: [],
    advice: [{ action: 'code', hint: text.hint, sentence: text.sentence }],
    count: failed.length,
    failed: () => false,
    seen: failed.flatMap(({ note }) => note.at ?? []),
    severity: someRan ? 'warning' : 'error',
    ...(failed.length === 1 && { pod: failed[0]!.pod.facts.name })
  });
}

/** The scope that waits for executors that cannot start; the application for a driver. */
function waitingScope(app: Application, failed: readonly FailedPod[]): string {
  if (failed.some(({ pod }) => pod.role !== 'executor')) return APPLICATION_SCOPE;
  const since = Math.min(...failed.map(({ note }) => note.at ?? app.now));
  const waits = [...app.waits.open, ...app.waits.over];
  const wait = waits.find(({ to }) => (to ?? Infinity) >= since);
  return wait?.scope ?? waitingScopes(app, since)[0]!;
}

/** "pod a", "pods a, b and 2 more". */
export function podNames(failed: readonly FailedPod[]): string {
  return formatNames('pod', failed.map(({ pod }) => pod.facts.name).sort(), 3);
}

/** The first line of a message, without its full stop. */
export function firstLine(message: string): string {
  return message.trim().split('\n')[0]!.replace(/\.$/, '').slice(0, 200);
}
