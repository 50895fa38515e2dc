import { describe, expect, it } from '@jest/globals';
import { openLog } from '../src/log.js';
import { passwordsOf, redact } from '../src/redaction.js';

/** What no text may contain: letters, digits and punctuation of passwords. */
const SECRET = 'Hush7-s3cr3t';

describe('A log or error message', () => {
  it.each([
    `postgresql://someone:${SECRET}@db.example.org:5432/aglais`,
    `postgresql://someone:${SECRET}@x/y@db.example.org/aglais`,
    `postgresql://someone:a/${SECRET}/b@db.example.org/aglais?sslmode=require`,
    `postgresql://someone:a:${SECRET}#b?c@db.example.org/aglais`,
    `postgresql://db.example.org/aglais?user=someone&password=${SECRET}&sslmode=require`,
    `postgresql://db.example.org/aglais?sslmode=require&sslpassword=${SECRET}`,
    `host=db user=someone password=${SECRET} dbname=aglais`,
    `host=db user=someone password = '${SECRET}' dbname=aglais`,
    `host=db password='it''s ${SECRET}' dbname=aglais`,
    `host=db password='it\\'s ${SECRET}' dbname=aglais`,
    `password%3D${SECRET}`,
    `PGPASSWORD=${SECRET} psql`,
    `Server=db;User Id=someone;Password=${SECRET};`,
    `AWS_SECRET_ACCESS_KEY=${SECRET}`,
    `{"accessKeyId":"${SECRET}","secretAccessKey":"${SECRET}"}`,
    `{"password":"with \\"quotes\\" and ${SECRET}","user":"someone"}`,
    `"{\\"password\\":\\"${SECRET}\\",\\"user\\":\\"someone\\"}"`,
    `password: ${SECRET}`,
    `Authorization: Bearer ${SECRET}`,
    `authorization: Basic ${Buffer.from(SECRET).toString('base64')}`,
    `GET /api/v1/stream?cursor=1&token=${SECRET}`,
    `https://${SECRET}@git.example.org/repository.git`,
    `https://bucket.example.org/key?X-Amz-Signature=${SECRET}&X-Amz-Expires=60`,
    `clone of https://x-access-token:${SECRET}@git.example.org failed`,
    `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----`
  ])('does not contain the secret of %s', text => {
    expect(redact(text)).not.toContain(SECRET);
    expect(redact(text)).not.toContain(Buffer.from(SECRET).toString('base64'));
    expect(redact(text)).toContain('[redacted]');
  });

  it('does not contain keys and tokens with a known format', () => {
    expect(redact('key AKIAABCDEFGHIJKLMNOP refused')).toBe('key [redacted] refused');
    const jwt = `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.${SECRET}`;
    expect(redact(`token review of ${jwt}`)).not.toContain(SECRET);
  });

  it('does not contain a known secret in any encoding, even without context', () => {
    const password = 'p@ss/w"ö rd';
    for (const form of [password, encodeURIComponent(password), JSON.stringify(password)]) {
      const text = redact(`getaddrinfo ENOTFOUND ${form}`, [password]);
      expect(text).toMatch(/^getaddrinfo ENOTFOUND "?\[redacted\]"?$/);
    }
    expect(passwordsOf('postgresql://someone:p%40ss@db/aglais')).toContain('p@ss');
  });

  it.each([
    'password authentication failed for user "someone"',
    'http://127.0.0.1:8888/lab/tree/a@b.ipynb',
    'The file https://example.org/a@b/c could not be read: 3 tokens left, passed 4 of 5',
    'connect ECONNREFUSED 127.0.0.1:5432'
  ])('keeps what is not a secret: %s', text => {
    const isCautious = text.startsWith('http://127');
    // With a port and an @ in the path it could be a password: when in doubt too much is removed.
    expect(redact(text)).toBe(isCautious ? 'http://[redacted]@b.ipynb' : text);
  });

  it('takes time proportional to its length', () => {
    const started = performance.now();
    for (const part of ['a', '://', '://a:', 'password', 'eyJ-', "password='", '\\"', 'token='])
      redact(part.repeat(200_000));
    expect(performance.now() - started).toBeLessThan(15_000);
  });
});

describe('The log of the server', () => {
  it('has no secret in messages, in properties, or in what libraries add to their errors, and stays JSON', () => {
    const lines: string[] = [];
    const log = openLog('info', ['known value'], line => lines.push(line));
    const address = `postgresql://u:${SECRET}@db/x`;
    log.error(
      { err: Object.assign(new Error(`failed: ${address}`), { input: address, code: 'E' }) },
      `the database ${address} with password="a \\ ${SECRET}"`
    );
    log.info({ headers: { authorization: `Bearer ${SECRET}` }, password: SECRET }, 'known value');
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      expect(line).not.toContain(SECRET);
      expect(line).not.toContain('known value');
      expect(JSON.parse(line)).toMatchObject({ level: expect.any(Number) });
    }
    expect(JSON.parse(lines[0]!)).toMatchObject({ err: { code: 'E', type: 'Error' } });
  });
});
