import type { ClusterOption } from '@aglais/protocol';
import { ProblemError } from '../../problems.js';
import type { Launcher } from '../../launchers/launcher.js';
import { machinesFor, type Capacity } from '../../launchers/capacity.js';

/**
 * The options of a new cluster, in the order in which they are offered.
 * @param asked requested by the user; undefined: not specified
 * @param before those of the previous cluster; options that are no longer offered are dropped
 * @throws a problem with the available options, if another one was requested
 */
export function chooseOptions(
  asked: readonly string[] | undefined,
  before: readonly string[],
  offered: readonly ClusterOption[]
): string[] {
  const unknown = (asked ?? []).filter(name => !offered.some(one => one.name === name));
  if (unknown.length > 0) {
    const names = unknown.map(name => `"${name}"`).join(', ');
    const there = offered.map(({ name, title }) => `"${name}" (${title})`).join(', ');
    throw new ProblemError(
      409,
      'unknown-option',
      `There is no option ${names} here. ` +
        (there ? `Offered are: ${there}.` : 'This installation offers none.') +
        ' Nothing was started or stopped.'
    );
  }
  const wanted = new Set(asked ?? before);
  return offered.map(({ name }) => name).filter(name => wanted.has(name));
}

/**
 * Refuses options that no node has now: such a cluster would be pending forever.
 * @param capacity capacity for a cluster with these options
 */
export function refuseWithoutMachines(
  options: readonly string[],
  offered: readonly ClusterOption[],
  capacity: Capacity
): void {
  // Unknown where the server may not read nodes.
  if (options.length === 0 || capacity.machines.length === 0) return;
  if (machinesFor(capacity, 'executors').length > 0) return;
  const titles = offered.filter(({ name }) => options.includes(name)).map(({ title }) => title);
  throw new ProblemError(
    409,
    'option-unavailable',
    `No machine of ${capacity.place} offers the requested options now: ${titles.join(', ')}. Nothing was started or stopped. ` +
      'Choose without it, or ask your administrator.'
  );
}

/** The capacity for a cluster with these options. Throws a problem if no node has them. */
export async function capacityWith(
  options: readonly string[],
  launcher: Pick<Launcher, 'capacity' | 'offers'>
): Promise<Capacity> {
  const capacity = await launcher.capacity(options);
  refuseWithoutMachines(options, launcher.offers(), capacity);
  return capacity;
}
