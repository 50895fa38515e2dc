import { isShareable, type Case, type Family } from './case.js';

/** Cases that run on one cluster, one after the other. */
export interface Group {
  name: string;
  cases: readonly Case[];
}

/**
 * The selected cases, by the name of a case or family; `healthy` for those without findings, `quick` for those that run
 * in the tests. All without names.
 * @throws if a name is unknown
 */
export function select(families: readonly Family[], names: readonly string[]): Case[] {
  const all = families.flatMap(({ cases }) => cases);
  if (names.length === 0) return all;
  const chosen = new Set<Case>();
  for (const name of names) {
    const found = all.filter(
      one =>
        one.name === name ||
        families.some(family => family.name === name && family.cases.includes(one)) ||
        (name === 'healthy' && one.expected.length === 0) ||
        (name === 'quick' && one.quick)
    );
    if (found.length === 0) throw new Error(`Unknown case or family: ${name}`);
    for (const one of found) chosen.add(one);
  }
  return all.filter(one => chosen.has(one));
}

/** Healthy cases without settings share a cluster; all others get their own. */
export function groupsOf(cases: readonly Case[]): Group[] {
  const shared = cases.filter(isShareable);
  const alone = cases.filter(one => !isShareable(one));
  return [
    ...(shared.length > 0 ? [{ name: 'shared', cases: shared }] : []),
    ...alone.map(one => ({ name: one.name, cases: [one] }))
  ];
}
