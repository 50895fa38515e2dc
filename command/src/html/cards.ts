import type { Advice, Evidence, Finding } from '@aglais/protocol';
import { printable, shortened } from '../printable.js';
import {
  CONFIDENCE_LABELS,
  costText,
  mostRelevant,
  placeText,
  seenText,
  SEVERITY_LABELS,
  SOURCE_LABELS,
  subjectText,
  timeOfDay
} from '../report-messages.js';
import { html, type Html } from './escaped-html.js';

const QUOTES = 6;
const QUOTE_CHARACTERS = 2000;
const EFFECTS = 20;
const TEXT_CHARACTERS = 3000;

/** One finding as a card, as shown below the cells of a notebook. */
export function card(finding: Finding, number: number, files: readonly string[]): Html {
  const { severity, title, explanation, effects, advice, evidence, confidence } = finding;
  const cost = costText(finding.cost);
  const subject = shortened(subjectText(finding), TEXT_CHARACTERS);
  return html`<article class="card ${severity}" id="finding-${number}">
    <h3>
      <span class="number ${severity}">${number}</span
      ><span class="severity">${SEVERITY_LABELS[severity]}</span> ${title}
    </h3>
    <p>${shortened(explanation, TEXT_CHARACTERS)}</p>
    ${
      effects.length === 0
        ? null
        : html`<ul class="effects">
            ${effects.slice(0, EFFECTS).map(effect => html`<li>${effect}</li>`)}
          </ul>`
    }
    ${
      advice.length === 0
        ? null
        : html`<ul class="advice" aria-label="Recommendations">
            ${advice.map(adviceItem)}
          </ul>`
    }
    <p class="meta">
      ${[subject, seenText(finding), ...(cost === null ? [] : [`Cost: ${cost}`])].filter(words => words !== '').join(' · ')}
    </p>
    ${
      evidence.length === 0
        ? null
        : html`<details>
            <summary>Evidence <span>${CONFIDENCE_LABELS[confidence]}</span></summary>
            ${mostRelevant(evidence, QUOTES).map(piece => quote(piece, files))}
            ${evidence.length > QUOTES ? html`<p class="meta">${evidence.length - QUOTES} more in the JSON format of this report.</p>` : null}
          </details>`
    }
  </article>`;
}

function adviceItem(advice: Advice): Html {
  const conf = advice.action === 'set' ? Object.entries(advice.conf) : [];
  return html`<li>
    ${advice.sentence}
    ${conf.length === 0 ? null : html`<code>${conf.map(([key, value]) => `${key}=${value}`).join('\n')}</code>`}
  </li>`;
}

function quote({ source, at, quote: text, ref }: Evidence, files: readonly string[]): Html {
  const where = [SOURCE_LABELS[source], ...(at === null ? [] : [timeOfDay(at)])].join(' · ');
  return html`<figure>
    <blockquote>
      <pre tabindex="0">${shortened(printable(text).trim(), QUOTE_CHARACTERS)}</pre>
    </blockquote>
    <figcaption>${where} · <code>${placeText(ref, files)}</code></figcaption>
  </figure>`;
}
