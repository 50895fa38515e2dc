import type { WatchTraffic } from './list-watch.js';
import type { Metric } from '../../../metrics.js';

/** Metrics of the watches: they show whether watches break, or everything is listed again and again. */
export function watchMetrics(traffic: () => WatchTraffic): Metric[] {
  const total = (name: string, key: keyof WatchTraffic, help: string): Metric => ({
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
