import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';

export interface TestCertificate {
  /** PEM. */
  key: string;
  certificate: string;
}

/**
 * A self-signed certificate for 127.0.0.1, `localhost` and the name in the certificates of clusters, valid for a day:
 * the few fields of X.509 (RFC 5280) that TLS needs, written in DER.
 */
export function testCertificate(now = Date.now()): TestCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
  });
  const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
  const name = sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from('aglais-test')))));
  const subjectAltName = sequence(
    oid('551d11'),
    der(
      0x04,
      sequence(
        ...['aglais', 'localhost'].map(name => der(0x82, Buffer.from(name))),
        der(0x87, Buffer.from([127, 0, 0, 1]))
      )
    )
  );
  const isAuthority = sequence(
    oid('551d13'),
    der(0x01, TRUE),
    der(0x04, sequence(der(0x01, TRUE)))
  );
  const content = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    ecdsaWithSha256,
    name,
    sequence(time(now - 3_600_000), time(now + 86_400_000)),
    name,
    publicKey,
    der(0xa3, sequence(subjectAltName, isAuthority))
  );
  const signature = sign('sha256', content, createPrivateKey(privateKey));
  const whole = sequence(
    content,
    ecdsaWithSha256,
    der(0x03, Buffer.concat([Buffer.from([0]), signature]))
  );
  const base64 = whole.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  const certificate = `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
  // Throws if Node cannot read the result.
  createPublicKey(certificate);
  return { key: privateKey, certificate };
}

const TRUE = Buffer.from([0xff]);

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function time(at: number): Buffer {
  const text = new Date(at)
    .toISOString()
    .replace(/[-:T]|\.\d+/g, '')
    .slice(2);
  return der(0x17, Buffer.from(text));
}
