import type { ShareObservation } from '../observation.js';

/** A time in which a share did not answer, or was not there. */
export interface ShareOutage {
  share: string;
  /** The first look that was not answered well, ms since the epoch. */
  from: number;
  /** When it answered again; null: it does not yet. */
  to: number | null;
  /** What was seen last of it while it was away. */
  seen: ShareObservation;
  /** The look that was answered again. */
  back: ShareObservation | null;
}

const SHARES = 500;
const LOOKS = 400;

/** What probes said of the shares. The newest looks at each are kept, in the order of their times. */
export class ShareOutages {
  readonly #looks = new Map<string, ShareObservation[]>();

  observe(look: ShareObservation): void {
    const known = this.#looks.get(look.share);
    if (!known && this.#looks.size >= SHARES) return;
    // Of the same time, being away comes last: it is what has to be told.
    const looks = [...(known ?? []), look].sort(
      (a, b) =>
        a.at - b.at || Number(b.available) - Number(a.available) || (a.message < b.message ? -1 : 1)
    );
    this.#looks.set(look.share, looks.slice(-LOOKS));
  }

  /** All of them, the earliest first. */
  get all(): ShareOutage[] {
    return [...this.#looks.values()]
      .flatMap(outagesIn)
      .sort((a, b) => a.from - b.from || (a.share < b.share ? -1 : 1));
  }
}

function outagesIn(looks: readonly ShareObservation[]): ShareOutage[] {
  const outages: ShareOutage[] = [];
  let open: ShareOutage | null = null;
  for (const look of looks) {
    if (look.available) {
      if (open) Object.assign(open, { to: look.at, back: look });
      open = null;
    } else if (open) {
      open.seen = look;
    } else {
      open = { share: look.share, from: look.since ?? look.at, to: null, seen: look, back: null };
      outages.push(open);
    }
  }
  return outages;
}
