import { benchFirstResult } from '../first-result.js';
import { chosenKubernetes, openKubernetesServer } from './installation.js';

/** Where pods find the catalogues of the node. */
const MOUNT = '/data/catalogues';

/**
 * The same with Spark as pods; the kernel stays on this machine. `AGLAIS_NODE_CATALOGUES` is a directory of the node with
 * the catalogues.
 * @param args `--cold=3 --spare=20 --at-once=4`
 */
export async function benchKubernetesFirstResult(args: readonly string[]): Promise<void> {
  const chosen = chosenKubernetes();
  const hostPath = process.env.AGLAIS_NODE_CATALOGUES;
  if (!chosen || !hostPath)
    return console.log('\nKubernetes, first result: left out, no Kubernetes or catalogues named');
  const volumes = [{ name: 'data', mountPath: MOUNT, source: { hostPath } }];
  await benchFirstResult(args, 'on Kubernetes', count =>
    openKubernetesServer(chosen, { volumes, spares: [{ count }] })
  );
}
