import type { WatchTraffic } from '../../../kubernetes/list-watch.js';
import type { Figure } from '../../../metrics.js';

/** What the watches of the API server cost: an operator sees whether they are cut, or everything is listed again and again. */
export function watchFigures(traffic: () => WatchTraffic): Figure[] {
  const total = (name: string, key: keyof WatchTraffic, help: string): Figure => ({
    name: `aglais_kubernetes_${name}_total`,
    help,
    type: 'counter',
    read: () => traffic()[key]
  });
  return [
    total('lists', 'lists', 'How often everything of one kind was listed'),
    total('watches', 'watches', 'Watches that were opened'),
    total('watch_breaks', 'failures', 'Watches and lists that broke'),
    total('received_bytes', 'bytes', 'What the API server sent of lists and watches')
  ];
}
