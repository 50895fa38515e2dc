import { bringUpTestbed, namedKubernetes, takeDownTestbed } from '../kubernetes.mjs';
import { failure, nothing } from './schedule.mjs';

/**
 * One Kubernetes for all parts that need one: the user's, otherwise the testbed. The second part takes it down again,
 * unless it was already up.
 * @param {import('./runners.mjs').Runners} runners
 * @param {{ mayBuild: boolean, usedBy: string[] }} options `mayBuild`: whether the testbed is brought up if a
 * KUBECONFIG cannot be used
 * @returns {{ up: Part, down: Part, kubernetes: () => { facts: Record<string, string> | null, skipped: string } }}
 */
export function testbedParts(runners, { mayBuild, usedBy }) {
  let kubernetes = { facts: null, skipped: 'it did not come up', wasUp: true };
  const up = {
    name: 'testbed',
    needs: ['installed'],
    minutes: 40,
    async run(signal) {
      const named = namedKubernetes();
      if (named.facts) {
        kubernetes = { ...kubernetes, facts: named.facts };
        return nothing();
      }
      if (named.reason && !mayBuild) {
        kubernetes.skipped = named.reason;
        return nothing();
      }
      const { onText, end } = runners.writer('testbed');
      const came = await bringUpTestbed({ signal, onText });
      end();
      kubernetes = { ...came, skipped: came.skipped ?? kubernetes.skipped };
      if (came.facts || came.skipped) return nothing();
      return failure(`it did not come up; the log is ${runners.report('testbed.log')}`);
    }
  };
  const down = {
    name: 'testbed-down',
    needs: ['testbed', ...usedBy],
    slots: 0,
    minutes: 5,
    always: true,
    async run(signal) {
      if (kubernetes.wasUp) return nothing();
      const { onText, end } = runners.writer('testbed-down');
      const code = await takeDownTestbed({ signal, onText });
      end();
      return code === 0 ? nothing() : failure(`it was not taken down (ended with ${code})`);
    }
  };
  return { up, down, kubernetes: () => kubernetes };
}
