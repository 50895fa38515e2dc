import 'reflect-metadata';
import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import type { Network } from './network.js';
import { NODE_NAME, PORTS } from './network.js';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;
/** Much longer than any testbed runs. */
const VALID_MS = 90 * DAY_MS;

interface Party {
  certificate: x509.X509Certificate;
  keys: CryptoKeyPair;
}

/** The subject of a certificate: its name in Kubernetes (CN), its group (O), and its addresses. */
export interface Subject {
  name: string;
  group?: string;
  addresses?: string[];
  names?: string[];
}

/** Clients of the API server, each with the permissions of its name. */
const CLIENTS: Record<string, Subject> = {
  admin: { name: 'admin', group: 'system:masters' },
  controllers: { name: 'system:kube-controller-manager' },
  scheduler: { name: 'system:kube-scheduler' },
  kubelet: { name: `system:node:${NODE_NAME}`, group: 'system:nodes' },
  'kube-proxy': { name: 'system:kube-proxy' },
  coredns: { name: 'coredns' }
};

const servers = (network: Network): Record<string, Subject> => ({
  apiserver: {
    name: 'kube-apiserver',
    addresses: [network.node, network.apiService, '127.0.0.1'],
    names: [
      'localhost',
      ...['', '.default', '.default.svc', '.default.svc.cluster.local'].map(
        end => `kubernetes${end}`
      )
    ]
  },
  'kubelet-server': {
    name: `system:node:${NODE_NAME}`,
    group: 'system:nodes',
    addresses: [network.node],
    names: [NODE_NAME]
  },
  etcd: { name: 'etcd', addresses: [network.node, '127.0.0.1'] },
  'apiserver-etcd': { name: 'kube-apiserver-etcd-client' },
  'apiserver-kubelet': { name: 'apiserver-kubelet-client', group: 'system:masters' }
});

/**
 * Creates all keys, certificates and kubeconfigs of a new cluster in `directory`; returns the administrator's
 * kubeconfig.
 */
export async function makeCertificates(directory: string, network: Network): Promise<string> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  x509.cryptoProvider.set(webcrypto as Crypto);
  const authority = await issue({ name: 'aglais-testbed' }, null);
  await write(directory, 'ca', authority);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  save(directory, 'service-accounts.pub', publicKey.export({ type: 'spki', format: 'pem' }));
  save(directory, 'service-accounts.key', privateKey.export({ type: 'pkcs8', format: 'pem' }));
  for (const [file, subject] of Object.entries(servers(network)))
    await write(directory, file, await issue(subject, authority));
  const server = `https://${network.node}:${PORTS.api}`;
  let administrator = '';
  for (const [file, subject] of Object.entries(CLIENTS)) {
    const party = await issue(subject, authority);
    const text = kubeconfig(server, authority.certificate.toString('pem'), {
      certificate: party.certificate.toString('pem'),
      key: await privateKeyOf(party)
    });
    save(directory, `${file}.kubeconfig`, text);
    if (file === 'admin') administrator = text;
  }
  return administrator;
}

async function issue(subject: Subject, authority: Party | null): Promise<Party> {
  const keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, [
    'sign',
    'verify'
  ])) as CryptoKeyPair;
  const name = [`CN=${subject.name}`, ...(subject.group ? [`O=${subject.group}`] : [])].join(', ');
  const alternatives = [
    ...(subject.addresses ?? []).map(value => ({ type: 'ip' as const, value })),
    ...(subject.names ?? []).map(value => ({ type: 'dns' as const, value }))
  ];
  const common = {
    serialNumber: randomBytes(8).toString('hex').replace(/^./, '1'),
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + VALID_MS),
    signingAlgorithm: ALGORITHM
  };
  const certificate = authority
    ? await x509.X509CertificateGenerator.create({
        ...common,
        subject: name,
        issuer: authority.certificate.subject,
        publicKey: keys.publicKey,
        signingKey: authority.keys.privateKey,
        extensions: [
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([
            x509.ExtendedKeyUsage.serverAuth,
            x509.ExtendedKeyUsage.clientAuth
          ]),
          ...(alternatives.length > 0
            ? [new x509.SubjectAlternativeNameExtension(alternatives)]
            : [])
        ]
      })
    : await x509.X509CertificateGenerator.createSelfSigned({
        ...common,
        name,
        keys,
        extensions: [
          new x509.BasicConstraintsExtension(true, undefined, true),
          new x509.KeyUsagesExtension(
            x509.KeyUsageFlags.keyCertSign |
              x509.KeyUsageFlags.cRLSign |
              x509.KeyUsageFlags.digitalSignature,
            true
          )
        ]
      });
  return { certificate, keys };
}

async function privateKeyOf({ keys }: Party): Promise<string> {
  return x509.PemConverter.encode(
    await webcrypto.subtle.exportKey('pkcs8', keys.privateKey),
    'PRIVATE KEY'
  );
}

async function write(directory: string, name: string, party: Party): Promise<void> {
  save(directory, `${name}.crt`, party.certificate.toString('pem'));
  save(directory, `${name}.key`, await privateKeyOf(party));
}

function save(directory: string, name: string, content: string | Buffer): void {
  writeFileSync(join(directory, name), content, { mode: 0o600 });
}

/** A self-contained kubeconfig. */
export function kubeconfig(
  server: string,
  authority: string,
  user: { certificate: string; key: string }
): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'testbed',
      clusters: [
        { name: 'testbed', cluster: { server, 'certificate-authority-data': base64(authority) } }
      ],
      users: [
        {
          name: 'testbed',
          user: {
            'client-certificate-data': base64(user.certificate),
            'client-key-data': base64(user.key)
          }
        }
      ],
      contexts: [{ name: 'testbed', context: { cluster: 'testbed', user: 'testbed' } }]
    },
    null,
    2
  )}\n`;
}
