import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { ExecutorFacts } from '../application/executors.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import type { Incident } from './executor-incidents.js';
import { unmetEnds } from './never-registered.js';

/** How executors go by plan; ResourceManagers and Spark say it so. */
const PLANNED = /killed by driver|idle|decommission|shutdown|shutting down/i;
/** One may be bad luck. */
const LOOP = 2;
/** Of executors that came and went without work only so many are remembered. */
const REMEMBERED = 100;

/** Executors that came and ended again, not by plan, before they could run a task, while somebody waited for them. */
export interface CrashLoop {
  ids: ReadonlySet<string>;
  /** "3 executors", "100 executors or more". */
  words: string;
  /** The reasons of the newest ones. */
  evidence: Evidence[];
}

/** @param from since when somebody waits, ms since the epoch */
export function crashLoop(app: Application, from: number): CrashLoop | null {
  // Once Spark has met another one, those before it are history.
  const met = Math.max(0, ...[...app.executors].map(({ addedAt }) => addedAt ?? 0));
  const unmet = unmetEnds(app).filter(({ at }) => at >= met);
  const told = new Set(unmet.map(({ id }) => id));
  const ended = [...app.executors].filter(one => endedInVain(one, from) && !told.has(one.id));
  if (ended.length + unmet.length < LOOP) return null;
  const reasons = ended.flatMap(({ reasons }) => reasons.filter(one => one.from === 'removed'));
  const more = ended.length >= REMEMBERED ? ' or more' : '';
  return {
    ids: new Set([...ended, ...unmet].map(({ id }) => id)),
    words: `${ended.length + unmet.length} executors${more}`,
    evidence: [...reasons, ...unmet].slice(-2).map(({ evidence }) => evidence)
  };
}

/**
 * Says of executors that ended before Spark had met them what is different: it was nobody's data, and whoever waits for
 * them is held up.
 */
export function ofUnmet({ losses, scope }: Incident, said: Finding): Finding {
  if (losses.length === 0 || !losses.every(({ unmet }) => unmet)) return said;
  const held = losses.length >= LOOP || scope.key !== APPLICATION_SCOPE;
  const severity = said.severity === 'info' && held ? 'warning' : said.severity;
  if (said.code !== 'executor-lost') return { ...said, severity };
  const one = losses.length === 1;
  return {
    ...said,
    severity,
    title: `${one ? `Executor ${losses[0]!.executor.id}` : `${losses.length} executors`} ended before ${one ? 'it' : 'they'} could work`,
    advice: [lookAtExecutors()]
  };
}

function endedInVain(executor: ExecutorFacts, from: number): boolean {
  const { removedAt, done, failed, running, reasons } = executor;
  if (removedAt === null || removedAt < from || done + failed + running > 0) return false;
  return reasons.some(({ text }) => !PLANNED.test(text));
}

export function lookAtExecutors(): Advice {
  return {
    action: 'code',
    hint: 'look-at-executors',
    sentence:
      'Look at why executors end as soon as they have begun: the log of one of them, or what the evidence quotes of it, says it (a wrong option of Java, no way to the driver, no memory). Fewer or smaller ones will not help.'
  };
}

/**
 * Work that waits because executors end at once is an effect of what they end of, if that is known.
 * @param waits findings of work that waits, and since when
 */
export function joinCrashLoop(
  app: Application,
  others: readonly Finding[],
  waits: readonly Finding[]
): Finding[] {
  let findings = [...others];
  for (const wait of waits) {
    const loop = wait.subject.executors ? crashLoop(app, wait.firstSeen) : null;
    const cause = findings.find(
      ({ code, subject }) =>
        code.startsWith('executor-') && subject.executors?.some(id => loop?.ids.has(id))
    );
    if (!cause) {
      findings.push(wait);
      continue;
    }
    // Nobody's executors are those of the one who waits for them.
    const id = `${cause.code}${wait.id.slice(wait.code.length)}`;
    const adopted =
      cause.id === `${cause.code}:${APPLICATION_SCOPE}` && findings.every(one => one.id !== id);
    const joined: Finding = {
      ...cause,
      ...(adopted && { id, subject: { ...wait.subject, ...cause.subject } }),
      severity: cause.severity === 'error' ? 'error' : wait.severity,
      effects: [...cause.effects, wait.explanation.replace(/\.$/, '')],
      firstSeen: Math.min(cause.firstSeen, wait.firstSeen),
      lastSeen: Math.max(cause.lastSeen, wait.lastSeen)
    };
    findings = findings.map(one => (one === cause ? joined : one));
  }
  return findings;
}
