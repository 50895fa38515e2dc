import { createServer, connect, type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import {
  authorityOf,
  CERTIFICATE_NAME,
  isSignedBy,
  makeCertificate
} from '../../src/launchers/kubernetes/objects/certificates.js';

/** The error of a TLS client that trusts only `ca`, or null. */
async function refusal(
  server: { certificate: string; key: string },
  ca: string,
  servername = CERTIFICATE_NAME
): Promise<string | null> {
  const listener = createServer({ cert: server.certificate, key: server.key });
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  try {
    return await new Promise<string | null>(resolve => {
      const socket: TLSSocket = connect({ host: '127.0.0.1', port, ca, servername }, () => {
        socket.end();
        resolve(null);
      });
      socket.once('error', error => resolve((error as NodeJS.ErrnoException).code ?? 'error'));
    });
  } finally {
    listener.close();
  }
}

describe('The certificate of a cluster', () => {
  it('is trusted by a client with the CA, however often that is derived again from the secret', async () => {
    const made = await makeCertificate('secret of a', ['aglais-a.spaces.svc']);
    const again = await authorityOf('secret of a');
    expect(again).not.toBe(made.authority);
    expect(isSignedBy(made.certificate, again)).toBe(true);
    expect(await refusal(made, again)).toBeNull();
    expect(await refusal(made, made.authority, 'aglais-a.spaces.svc')).toBeNull();
  });

  it('is not trusted by a client with the CA of another cluster', async () => {
    const made = await makeCertificate('secret of a', []);
    const other = await authorityOf('secret of b');
    expect(isSignedBy(made.certificate, other)).toBe(false);
    expect(await refusal(made, other)).not.toBeNull();
  });

  it('is not trusted for another name', async () => {
    const made = await makeCertificate('secret of a', []);
    expect(await refusal(made, made.authority, 'elsewhere')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  });

  it('cannot sign others', async () => {
    const made = await makeCertificate('secret of a', []);
    const child = await makeCertificate('secret of b', []);
    expect(isSignedBy(child.certificate, made.certificate)).toBe(false);
    expect(await refusal(child, made.certificate)).not.toBeNull();
  });
});
