import { ShareProbe, type ShareNews } from '@aglais/witness/share-probe';

/** Check interval of a share that a cluster may be reading, and of one that only idle clusters have; ms. */
const ACTIVE_MS = 2_000;
const IDLE_MS = 30_000;

interface Watched {
  probe: ShareProbe;
  last: ShareNews | null;
  watchers: Set<Watcher>;
}

interface Watcher {
  onNews: (news: ShareNews) => void;
  isActive: boolean;
}

/** The shares of all local clusters: each path is checked once, however many clusters use it. */
export class ShareProbes {
  private readonly all = new Map<string, Watched>();

  /**
   * Reports the state of a share, first when it is known, then each change, until aborted.
   * @returns a function to set whether the cluster may be reading from it; true at first
   */
  watch(
    path: string,
    until: AbortSignal,
    onNews: (news: ShareNews) => void
  ): (isActive: boolean) => void {
    if (until.aborted) return () => undefined;
    const watcher = { onNews, isActive: true };
    const watched = this.all.get(path) ?? this.open(path);
    watched.watchers.add(watcher);
    setPace(watched);
    if (watched.last) onNews(watched.last);
    until.addEventListener('abort', () => {
      watched.watchers.delete(watcher);
      if (this.all.get(path) !== watched) return;
      if (watched.watchers.size > 0) return setPace(watched);
      watched.probe.close();
      this.all.delete(path);
    });
    return isActive => {
      if (isActive === watcher.isActive) return;
      watcher.isActive = isActive;
      if (watched.watchers.has(watcher)) setPace(watched);
    };
  }

  private open(path: string): Watched {
    const watchers = new Set<Watcher>();
    const probe = new ShareProbe(
      path,
      news => {
        watched.last = news;
        for (const { onNews } of watchers) onNews(news);
      },
      { everyMs: ACTIVE_MS }
    );
    const watched: Watched = { probe, last: null, watchers };
    this.all.set(path, watched);
    return watched;
  }
}

function setPace({ probe, watchers }: Watched): void {
  const isActive = [...watchers].some(watcher => watcher.isActive);
  probe.setInterval(isActive ? ACTIVE_MS : IDLE_MS);
}
