import { ShareProbe, type ShareNews } from '@aglais/witness/share-probe';

interface Watched {
  probe: ShareProbe;
  last: ShareNews | null;
  listeners: Set<(news: ShareNews) => void>;
}

/** The shares of all clusters of this machine: each place is looked at once, however many clusters use it. */
export class ShareProbes {
  private readonly all = new Map<string, Watched>();

  /** Tells how the share is, as soon as that is known, and each change, until the signal. */
  watch(path: string, until: AbortSignal, onNews: (news: ShareNews) => void): void {
    if (until.aborted) return;
    const watched = this.all.get(path) ?? this.open(path);
    watched.listeners.add(onNews);
    if (watched.last) onNews(watched.last);
    until.addEventListener('abort', () => {
      watched.listeners.delete(onNews);
      if (watched.listeners.size > 0 || this.all.get(path) !== watched) return;
      watched.probe.close();
      this.all.delete(path);
    });
  }

  private open(path: string): Watched {
    const listeners = new Set<(news: ShareNews) => void>();
    const probe = new ShareProbe(path, news => {
      watched.last = news;
      for (const listener of listeners) listener(news);
    });
    const watched: Watched = { probe, last: null, listeners };
    this.all.set(path, watched);
    return watched;
  }
}
