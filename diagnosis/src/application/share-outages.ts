import type { ShareObservation } from '../observation.js';

/** A time in which a share did not respond or was not mounted. */
export interface ShareOutage {
  share: string;
  /** Start of the first failed probe, ms since the epoch. */
  from: number;
  /** When it responded again; null: it is still unavailable. */
  to: number | null;
  /** The latest failed probe. */
  seen: ShareObservation;
  /** The probe that succeeded again. */
  back: ShareObservation | null;
}

const SHARES = 500;
const LOOKS = 400;

/** Probe results of the shares. The latest ones of each share are kept, ordered by time. */
export class ShareOutages {
  readonly #looks = new Map<string, ShareObservation[]>();

  observe(look: ShareObservation): void {
    const known = this.#looks.get(look.share);
    if (!known && this.#looks.size >= SHARES) return;
    // Of equal times the unavailable state comes last: that is the one to report.
    const looks = [...(known ?? []), look].sort(
      (a, b) =>
        a.at - b.at || Number(b.available) - Number(a.available) || (a.message < b.message ? -1 : 1)
    );
    this.#looks.set(look.share, looks.slice(-LOOKS));
  }

  /** All outages, the earliest first. */
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
