// Must be imported before the certificate library.
import 'reflect-metadata';
import { createECDH, hkdfSync, X509Certificate as NodeCertificate } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
  type JsonGeneralName
} from '@peculiar/x509';

/**
 * The name in every certificate. Each cluster has a CA of its own that signs one certificate and is then discarded, so
 * a client that trusts it trusts only that driver, whatever its address is.
 */
export const CERTIFICATE_NAME = 'aglais';

const CURVE = 'P-256';
const ALGORITHM = { name: 'ECDSA', namedCurve: CURVE, hash: 'SHA-256' };
/** The order of P-256 (SEC 2, 2.4.2). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const DAY = 24 * 3_600_000;
/** Clocks of nodes differ. */
const BEFORE_MS = DAY;
/** Much longer than any cluster runs. */
const VALID_MS = 3 * 365 * DAY;

export interface ServerCertificate {
  /** PEM. */
  certificate: string;
  key: string;
  authority: string;
}

/**
 * The CA of a cluster, as PEM: its key is derived from a secret, so any server that has the secret can derive it again
 * without storing it. Two calls give different bytes of the same CA.
 * @param secret known only to the server, different for each cluster
 */
export async function authorityOf(secret: string): Promise<string> {
  return (await authority(await authorityKeys(secret))).toString('pem');
}

/** A new key and a certificate for it, signed by the cluster's CA. */
export async function makeCertificate(
  secret: string,
  names: readonly string[]
): Promise<ServerCertificate> {
  const authorityPair = await authorityKeys(secret);
  const own = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: CURVE }, true, [
    'sign',
    'verify'
  ]);
  const subjects: JsonGeneralName[] = [CERTIFICATE_NAME, 'localhost', ...names].map(value => ({
    type: 'dns',
    value
  }));
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${CERTIFICATE_NAME}`,
    issuer: ISSUER,
    ...validity(),
    signingAlgorithm: ALGORITHM,
    publicKey: own.publicKey,
    signingKey: authorityPair.privateKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([...subjects, { type: 'ip', value: '127.0.0.1' }]),
      await SubjectKeyIdentifierExtension.create(own.publicKey),
      await AuthorityKeyIdentifierExtension.create(authorityPair.publicKey)
    ]
  });
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', own.privateKey));
  return {
    certificate: certificate.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${key.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`,
    authority: (await authority(authorityPair)).toString('pem')
  };
}

/** Whether the certificate was signed by the CA; both PEM. */
export function isSignedBy(certificate: string, authority: string): boolean {
  return new NodeCertificate(certificate).verify(new NodeCertificate(authority).publicKey);
}

const ISSUER = `CN=${CERTIFICATE_NAME} cluster`;

async function authority(keys: CryptoKeyPair) {
  return X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: ISSUER,
    ...validity(),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey)
    ]
  });
}

/** A key pair derived from the secret: HKDF to 48 bytes, so that the remainder is unbiased (FIPS 186-5, A.2.1). */
async function authorityKeys(secret: string): Promise<CryptoKeyPair> {
  const bytes = Buffer.from(hkdfSync('sha256', secret, '', 'aglais cluster authority', 48));
  const scalar = (BigInt(`0x${bytes.toString('hex')}`) % (ORDER - 1n)) + 1n;
  const d = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex');
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(d);
  // 0x04, then x and y (SEC 1, 2.3.3).
  const point = ecdh.getPublicKey();
  const coordinates = {
    kty: 'EC',
    crv: CURVE,
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url')
  };
  const [privateKey, publicKey] = await Promise.all([
    crypto.subtle.importKey(
      'jwk',
      { ...coordinates, d: d.toString('base64url') },
      { name: 'ECDSA', namedCurve: CURVE },
      false,
      ['sign']
    ),
    crypto.subtle.importKey('jwk', coordinates, { name: 'ECDSA', namedCurve: CURVE }, true, [
      'verify'
    ])
  ]);
  return { privateKey, publicKey };
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - BEFORE_MS), notAfter: new Date(now + VALID_MS) };
}

/** 64 random bits, positive (CA/Browser Forum Baseline Requirements, 7.1). */
function serialNumber(): string {
  const bytes = Buffer.from(crypto.getRandomValues(new Uint8Array(9)));
  bytes[0] = 1;
  return bytes.toString('hex');
}
