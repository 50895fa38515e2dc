import { describe, expect, it } from '@jest/globals';
import type { V1NetworkPolicy, V1NetworkPolicySpec, V1Pod } from '@kubernetes/client-node';
import { matches, ruleset } from '../src/network-policy/ruleset.js';

const pod = (
  name: string,
  ip: string,
  more: Partial<V1Pod> & { namespace?: string } = {}
): V1Pod => ({
  metadata: { name, namespace: more.namespace ?? 'a', labels: { app: name } },
  spec: {
    containers: [{ name: 'c', ports: [{ name: 'web', containerPort: 8080 }] }],
    ...more.spec
  },
  status: { phase: 'Running', podIP: ip, ...more.status }
});
const policy = (spec: V1NetworkPolicySpec, namespace = 'a'): V1NetworkPolicy => ({
  metadata: { name: 'p', namespace },
  spec
});
const server = pod('server', '10.97.1.2');
const client = pod('client', '10.97.1.3');
const stranger = pod('stranger', '10.97.1.4', { namespace: 'b' });
const namespaces = ['a', 'b'].map(name => ({ metadata: { name, labels: { team: name } } }));

const rulesFor = (spec: V1NetworkPolicySpec, pods = [server, client, stranger]) =>
  ruleset({ pods, namespaces, policies: [policy(spec)], all: '10.97.0.0/16' });
const serverSelector = { matchLabels: { app: 'server' } };
/** The lines of one chain. */
const chain = (text: string, name: string) =>
  (text.split(`chain ${name} {`)[1]?.split('}\n')[0] ?? '')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line && !line.startsWith('comment') && line !== '}');

describe('network policies', () => {
  it('leave a pod open that none of them selects', () => {
    const text = rulesFor({ podSelector: { matchLabels: { app: 'nobody' } }, ingress: [] });
    expect(text).not.toContain('vmap');
  });

  it('close a pod that one of them selects', () => {
    const text = rulesFor({ podSelector: serverSelector, policyTypes: ['Ingress'] });
    expect(text).toContain('ip daddr vmap { 10.97.1.2 : jump ingress-10-97-1-2 }');
    expect(chain(text, 'ingress-10-97-1-2')).toEqual(['counter drop']);
    expect(text).not.toContain('ip saddr vmap');
  });

  it('allow the pods and ports that they name', () => {
    const text = rulesFor({
      podSelector: serverSelector,
      ingress: [
        {
          _from: [{ podSelector: { matchLabels: { app: 'client' } } }],
          ports: [{ port: 15002 }, { port: 'web' }, { port: 7000, endPort: 7010, protocol: 'UDP' }]
        }
      ]
    });
    expect(chain(text, 'ingress-10-97-1-2')).toEqual([
      'ip saddr { 10.97.1.3 } tcp dport 15002 return',
      'ip saddr { 10.97.1.3 } tcp dport 8080 return',
      'ip saddr { 10.97.1.3 } udp dport 7000-7010 return',
      'counter drop'
    ]);
  });

  it('are the same whether they were listed or watched', () => {
    const from = [{ podSelector: { matchLabels: { app: 'client' } } }];
    // As returned by a watch; the type has the names of a list.
    const raw: unknown = { podSelector: serverSelector, ingress: [{ from }] };
    const watched = raw as V1NetworkPolicySpec;
    expect(rulesFor(watched)).toBe(
      rulesFor({ podSelector: serverSelector, ingress: [{ _from: from }] })
    );
    expect(chain(rulesFor(watched), 'ingress-10-97-1-2')).toEqual([
      'ip saddr { 10.97.1.3 } return',
      'counter drop'
    ]);
  });

  it('select in their own namespace unless they name others', () => {
    const everyPod = rulesFor({
      podSelector: serverSelector,
      ingress: [{ _from: [{ podSelector: {} }] }]
    });
    expect(everyPod).toContain('ip saddr { 10.97.1.2, 10.97.1.3 } return');
    const others = rulesFor({
      podSelector: serverSelector,
      ingress: [{ _from: [{ namespaceSelector: { matchLabels: { team: 'b' } } }] }]
    });
    expect(others).toContain('ip saddr { 10.97.1.4 } return');
  });

  it('allow IP blocks except the excluded ones', () => {
    const text = rulesFor({
      podSelector: serverSelector,
      ingress: [{ _from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.97.1.0/24'] } }] }]
    });
    expect(text).toContain('ip saddr 10.0.0.0/8 ip saddr != { 10.97.1.0/24 } return');
  });

  it('allow everything with an empty rule, and nothing from peers that do not exist', () => {
    expect(
      chain(rulesFor({ podSelector: serverSelector, ingress: [{}] }), 'ingress-10-97-1-2')
    ).toEqual(['return', 'counter drop']);
    const nobody = { _from: [{ podSelector: { matchLabels: { app: 'nobody' } } }] };
    expect(
      chain(rulesFor({ podSelector: serverSelector, ingress: [nobody] }), 'ingress-10-97-1-2')
    ).toEqual(['counter drop']);
  });

  it('restrict egress, too', () => {
    const text = rulesFor({
      podSelector: serverSelector,
      policyTypes: ['Egress'],
      egress: [
        { to: [{ podSelector: { matchLabels: { app: 'client' } } }], ports: [{ port: 'web' }] }
      ]
    });
    expect(text).toContain('ip saddr vmap { 10.97.1.2 : jump egress-10-97-1-2 }');
    expect(chain(text, 'egress-10-97-1-2')).toEqual([
      'ip daddr { 10.97.1.3 } tcp dport 8080 return',
      'counter drop'
    ]);
  });

  it('ignore pods that have ended: their address may be reused', () => {
    const ended = pod('client', '10.97.1.3', {
      status: { phase: 'Succeeded', podIP: '10.97.1.3' }
    });
    const text = rulesFor(
      { podSelector: serverSelector, ingress: [{ _from: [{ podSelector: {} }] }] },
      [server, ended]
    );
    expect(text).not.toContain('10.97.1.3');
  });

  it('assign an address that two pods claim to the newer one, because nft accepts each only once', () => {
    const at = (name: string, seconds: number) => {
      const claimant = pod(name, '10.97.1.9');
      claimant.metadata = { ...claimant.metadata, creationTimestamp: new Date(seconds * 1000) };
      return claimant;
    };
    const watched = JSON.parse(JSON.stringify(at('newer', 2))) as V1Pod;
    const text = rulesFor({ podSelector: {}, ingress: [] }, [watched, at('older', 1)]);
    expect(text.match(/chain ingress-/g)).toHaveLength(1);
    expect(text).toContain('a/newer');
  });

  it('allow no traffic to leave the networks of the testbed', () => {
    expect(rulesFor({ podSelector: {} })).toContain(
      'ip saddr 10.97.0.0/16 ip daddr != 10.97.0.0/16 drop'
    );
  });
});

describe('a label selector', () => {
  it('supports expressions', () => {
    const expression = (operator: string, values?: string[]) =>
      matches(
        { matchExpressions: [{ key: 'k', operator, ...(values && { values }) }] },
        { k: 'v' }
      );
    expect(expression('In', ['v'])).toBe(true);
    expect(expression('In', ['w'])).toBe(false);
    expect(expression('NotIn', ['w'])).toBe(true);
    expect(expression('Exists')).toBe(true);
    expect(expression('DoesNotExist')).toBe(false);
    expect(
      matches({ matchExpressions: [{ key: 'k', operator: 'NotIn', values: ['v'] }] }, {})
    ).toBe(true);
  });
});
