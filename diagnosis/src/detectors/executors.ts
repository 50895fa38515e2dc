import type { Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { effectsOf, finding } from './draft.js';
import type { Incident } from './incidents.js';
import { bystanders, diedWith, evidenceOf, hasFetch, listed, number, surest } from './memory.js';
import { inOrder, named } from './words.js';

/** Executors that vanished for a reason that is not memory, with work on them. */
export function executorLost(app: Application, incident: Incident): Finding {
  const { losses, setbacks, scope } = incident;
  const ids = inOrder(losses.map(loss => loss.executor.id));
  const best = surest(losses);
  const one = ids.length === 1;
  const subject = one ? named('executor', ids) : `${ids.length} executors (${listed(ids)})`;
  return finding(app, {
    code: 'executor-lost',
    scope,
    confidence: best.confidence,
    title: one ? `Executor ${ids[0]} was lost` : `${ids.length} executors were lost`,
    what: `${subject} ${number(best.what, ids.length)}`,
    setbacks,
    executors: ids,
    evidence: evidenceOf(incident),
    effects: [...effectsOf(setbacks), ...bystanders(app, incident)],
    advice: [
      {
        action: 'code',
        hint: 'run-again',
        sentence:
          'Nothing in your code caused this by what is known. Run the cell again; if it comes back, show the evidence to the people who run the platform.'
      }
    ],
    count: ids.length,
    failed: text => diedWith(text, ids) || (hasFetch(incident) && /FetchFailed/.test(text)),
    seen: losses.map(loss => loss.at)
  });
}
