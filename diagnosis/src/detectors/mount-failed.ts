import type { Finding, FindingCode } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { ownPods } from '../application/pod-ownership.js';
import type { Note, OwnPod } from '../application/pod-facts.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import { finding } from './build-finding.js';
import { waitersAt } from './never-registered.js';
import { inOrder, named } from './format.js';

interface Stuck {
  pod: OwnPod;
  note: Note;
}

/**
 * Pods that have a node but cannot start: an image that does not come, a container that cannot be
 * made, a volume that cannot be mounted. Such words come up in healthy starts too (a config map that
 * is a moment late), so only pods that never ran count; and in the end of one that was stopped before it ran, because what it
 * needs goes with it.
 */
export function startupFindings(app: Application): Finding[] {
  const stuck = (trouble: 'image' | 'mount'): Stuck[] =>
    ownPods(app).flatMap(pod => {
      const note = pod.facts.troubles.get(trouble);
      return note && !pod.facts.ran && !isOfItsEnd(pod, note) ? [{ pod, note }] : [];
    });
  // A volume is mounted before any image is pulled.
  const mount = stuck('mount');
  const mounting = new Set(mount.map(({ pod }) => pod.facts.key));
  const image = stuck('image').filter(({ pod }) => !mounting.has(pod.facts.key));
  return [
    ...(mount.length > 0 ? [mountFailed(app, mount)] : []),
    ...(image.length > 0 ? [imageFailed(app, image)] : [])
  ];
}

function isOfItsEnd({ facts: { deletedAt } }: OwnPod, { since }: Note): boolean {
  return deletedAt !== null && since !== null && since >= deletedAt;
}

/** Words of the scheduler about a claim, in ours. */
const TROUBLES: Record<string, string> = {
  'not found': 'does not exist',
  'is being deleted': 'is being deleted'
};

function mountFailed(app: Application, stuck: readonly Stuck[]): Finding {
  const message = stuck[0]!.note.message ?? '';
  const claim = /persistentvolumeclaim "([^"]+)" (not found|is being deleted)/.exec(message);
  if (claim || /unbound immediate PersistentVolumeClaims/.test(message)) {
    const [, name, fate] = claim ?? [];
    const which = name === undefined ? '' : ` ${name}`;
    const trouble = fate === undefined ? 'has no volume yet' : TROUBLES[fate]!;
    return problem(app, 'mount-failed', stuck, {
      title: `${which ? 'Volume' : 'A volume'} claim${which} ${trouble}`,
      what: `${which ? 'the' : 'a'} volume claim${which} ${trouble}, so no node takes ${pods(stuck)}`,
      hint: 'mount',
      sentence:
        'Nothing in your code caused this: the people who run the platform have to make the claim, or take it out of the configuration.'
    });
  }
  const volumes = new Set(
    stuck.flatMap(
      ({ note }) =>
        /for volume "([^"]+)"/.exec(note.message ?? '')?.[1] ??
        /unmounted volumes=\[([^\]]+)\]/.exec(note.message ?? '')?.[1] ??
        []
    )
  );
  const what = volumes.size > 0 ? named('volume', [...volumes].sort()) : 'A volume';
  return problem(app, 'mount-failed', stuck, {
    title: `${what.charAt(0).toUpperCase()}${what.slice(1)} cannot be mounted`,
    what: `${what.replace(/^A /, 'a ')} could not be mounted for ${pods(stuck)}: ${short(message)}`,
    hint: 'mount',
    sentence:
      'Nothing in your code caused this: the people who run the platform have to mend the volume. The evidence says what its server or driver answered.'
  });
}

function imageFailed(app: Application, stuck: readonly Stuck[]): Finding {
  const { reason, message } = stuck[0]!.note;
  const image = /image "([^"]+)"/.exec(message ?? '')?.[1];
  const container =
    /^(?:CreateContainer|RunContainer|StartError|ContainerCannotRun|FailedCreate)/.test(reason);
  return problem(app, 'image-failed', stuck, {
    title: container
      ? 'A container could not be started'
      : `The image ${image === undefined ? '' : `${image} `}could not be pulled`,
    what: `${container ? 'the container' : 'the image'} of ${pods(stuck)} could not be ${container ? 'started' : 'pulled'} (${reason}): ${short(message ?? reason)}`,
    hint: 'image',
    sentence: container
      ? 'The evidence names what is missing in the image or in its configuration; mend that and start the session again.'
      : 'Check the name and tag of the image, and whether the cluster may pull it; then start the session again.'
  });
}

function problem(
  app: Application,
  code: FindingCode,
  stuck: readonly Stuck[],
  said: { title: string; what: string; hint: string; sentence: string }
): Finding {
  const executors = inOrder(new Set(stuck.flatMap(({ pod }) => pod.executor ?? [])));
  const someRan = [...app.executors].some(({ addedAt }) => addedAt !== null);
  return finding(app, {
    code,
    scope: app.scopes.get(waiterFor(app, stuck)),
    confidence: 'certain',
    title: said.title,
    what: said.what,
    setbacks: [],
    executors,
    evidence: stuck.map(({ note }) => note.evidence),
    effects: [],
    advice: [{ action: 'code', hint: said.hint, sentence: said.sentence }],
    count: stuck.length,
    failed: () => false,
    seen: stuck.flatMap(({ note }) => note.at ?? []),
    severity: someRan ? 'warning' : 'error',
    ...(stuck.length === 1 && { pod: stuck[0]!.pod.facts.name })
  });
}

/** Whoever waits for executors that cannot start; a driver is waited for by nobody's cell. */
function waiterFor(app: Application, stuck: readonly Stuck[]): string {
  if (stuck.some(({ pod }) => pod.role !== 'executor')) return APPLICATION_SCOPE;
  const since = Math.min(...stuck.map(({ note }) => note.at ?? app.now));
  const waits = [...app.waits.open, ...app.waits.over];
  const held = waits.find(({ to }) => (to ?? Infinity) >= since);
  return held?.scope ?? waitersAt(app, since)[0]!;
}

function pods(stuck: readonly Stuck[]): string {
  return named('pod', stuck.map(({ pod }) => pod.facts.name).sort(), 3);
}

function short(message: string): string {
  return message.trim().split('\n')[0]!.replace(/\.$/, '').slice(0, 200);
}
