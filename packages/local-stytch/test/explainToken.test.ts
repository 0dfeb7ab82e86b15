import type { ExplainedToken, ListedToken } from '../src/consoleApi';
import { expectRefusal, type Json, startLocalStytch, type TestStytch } from './localStytch';

let stytch: TestStytch;
beforeAll(async () => {
  stytch = await startLocalStytch();
});
beforeEach(() => stytch.admin('POST', '/reset'));
afterAll(() => stytch.close());

const mint = async (wanted: Json = {}) =>
  (await stytch.admin('POST', '/tokens', wanted)).access_token as string;
const explain = async (token: string, required_scopes?: string[]) =>
  (await stytch.admin('POST', '/tokens/explain', {
    token,
    ...(required_scopes && { required_scopes }),
  })) as unknown as ExplainedToken;
const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url');

/** The result of each check, by its name. */
function results({ checks }: ExplainedToken) {
  return Object.fromEntries(checks.map(({ name, passed }) => [name, passed]));
}

const signatureOk = { form: true, algorithm: true, key: true, signature: true };
const afterFailure = { issuer: null, audience: null, times: null, scopes: null };

describe('A valid token', () => {
  test('When it is explained, then each check passes, with its RFC, and the signature is masked', async () => {
    const token = await mint();

    const explained = await explain(token, ['read:users']);

    const [header, payload, signature = ''] = token.split('.');
    expect(explained).toMatchObject({
      encoded: { header, payload, signature: '••••' },
      header: { alg: 'RS256', typ: 'JWT' },
      claims: { sub: stytch.seed.clientId, scope: 'read:users' },
      lifetime_seconds: 3600,
      valid: true,
    });
    expect(explained.expires_in_seconds).toBeGreaterThan(3_590);
    expect(JSON.stringify(explained)).not.toContain(signature);
    expect(explained.checks.map(({ name, passed, rfc }) => [name, passed, rfc])).toEqual([
      ['form', true, 'RFC 7519 §7.2'],
      ['algorithm', true, 'RFC 8725 §3.1'],
      ['key', true, 'RFC 7517 §4.5'],
      ['signature', true, 'RFC 7515 §5.2'],
      ['issuer', true, 'RFC 7519 §4.1.1'],
      ['audience', true, 'RFC 7519 §4.1.3'],
      ['times', true, 'RFC 7519 §4.1.4 to §4.1.6'],
      ['scopes', true, 'RFC 6749 §3.3'],
    ]);
  });

  test('When no scope is required, then its scopes are shown and not checked', async () => {
    const explained = await explain(await mint());

    expect(explained.checks.at(-1)).toMatchObject({ passed: null, explanation: /read:users/ });
    expect(explained.valid).toBe(true);
  });

  test('When it has the wildcard of the action, then that is enough', async () => {
    const token = await mint({ claims: { scope: 'read:* write:x' } });

    expect(results(await explain(token, ['read:users', 'write:x']))).toMatchObject({ scopes: true });
    expect(results(await explain(token, ['write:users']))).toMatchObject({ scopes: false });
  });

  test('When the project has its base URL as issuer, or a template another audience, then it is still valid', async () => {
    await stytch.admin('POST', '/project', {
      issuer: 'base_url',
      claims_template: { aud: 'https://wallet' },
    });

    expect(results(await explain(await mint()))).toMatchObject({ issuer: true, audience: true });
  });

  test('When the key that signed it is no longer current, then it is valid until the key is retired', async () => {
    const token = await mint();
    await stytch.admin('POST', '/signing-keys/rotate');
    expect((await explain(token)).valid).toBe(true);
    await stytch.admin('POST', '/signing-keys/retire');

    expect(results(await explain(token))).toMatchObject({ key: false, signature: null });
  });

  test('When the clock moves, then the times are checked by it', async () => {
    const token = await mint();
    await stytch.admin('POST', '/clock', { offset_seconds: 4_000 });

    const explained = await explain(token);

    expect(results(explained)).toMatchObject({ times: false });
    expect(explained.expires_in_seconds).toBeLessThan(-390);
  });
});

describe('A token that is not valid', () => {
  test.each<[string, Json, object, RegExp]>([
    ['expired', { claims: { exp: 1 } }, { ...signatureOk, times: false }, /expired \d+ s ago/],
    ['without exp', { claims: { exp: null } }, { times: false }, /exp is missing/],
    ['with a text as exp', { claims: { exp: '1' } }, { times: false }, /exp is "1"/],
    ['not valid yet', { claims: { nbf: 9e9 } }, { times: false }, /not valid yet/],
    [
      'for another audience',
      { claims: { aud: ['x'] } },
      { ...signatureOk, audience: false, times: true },
      /\["x"\]/,
    ],
    ['without an audience', { claims: { aud: null } }, { audience: false }, /missing/],
    ['of another issuer', { claims: { iss: 'https://evil.example' } }, { issuer: false }, /evil\.example/],
    [
      'without the scope',
      { claims: { scope: 'write:x' } },
      { ...signatureOk, scopes: false },
      /lacks the scope read:users: 403/,
    ],
    ['without scopes', { claims: { scope: null } }, { scopes: false }, /missing/],
    ['with a list of scopes', { claims: { scope: ['read:users'] } }, { scopes: false }, /must be a text/],
    [
      'unsigned',
      { header: { alg: 'none' } },
      { form: true, algorithm: false, key: null, signature: null, ...afterFailure },
      /"none"/,
    ],
    [
      'signed with the public key',
      { header: { alg: 'HS256' } },
      { algorithm: false, ...afterFailure },
      /HS256/,
    ],
    ['without an algorithm', { header: { alg: null } }, { algorithm: false }, /missing/],
    [
      'of an unknown key',
      { sign_with: 'unknown' },
      { key: false, signature: null, ...afterFailure },
      /not in the JWKS/,
    ],
    ['without a key id', { header: { kid: null } }, { key: false }, /names no key/],
    ['of another type', { header: { typ: 'at+jwt' } }, { form: false, algorithm: null }, /at\+jwt/],
    ['with critical extensions', { header: { crit: ['x'] } }, { form: false }, /crit/],
    ['whose payload is no object', { payload: '"text"' }, { form: false, ...afterFailure }, /no claims/],
  ])('When it is %s, then the check that fails says so', async (_what, wanted, expected, explanation) => {
    const explained = await explain(await mint(wanted), ['read:users']);

    expect(results(explained)).toMatchObject(expected);
    expect(explained.valid).toBe(false);
    expect(explained.checks.find(({ passed }) => passed === false)?.explanation).toMatch(explanation);
  });

  test('When its claims were changed, then the signature does not fit, and the claims prove nothing', async () => {
    const [header, , signature] = (await mint()).split('.');

    const explained = await explain(`${header}.${encode({ sub: 'me', scope: 'admin' })}.${signature}`);

    expect(results(explained)).toEqual({ ...signatureOk, signature: false, ...afterFailure });
    expect(explained.claims).toEqual({ sub: 'me', scope: 'admin' });
  });

  const deep = (levels: number) => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
  test.each([
    '',
    'garbage',
    '..',
    '...',
    'a.b.c',
    'a.b.c.d',
    'é.é.é',
    '\ud800.\ud800.\ud800',
    ' e30.e30.e30',
    'e30=.e30=.e30=',
    `${Buffer.from('{"alg":"RS256","typ":"JWT"}').toString('base64url')}.${Buffer.from([0xff, 0xfe]).toString('base64url')}.e30`,
    `e30.${Buffer.from(deep(20_000)).toString('base64url')}.e30`,
    `${Buffer.from(deep(20_000)).toString('base64url')}.e30.e30`,
    `e30.bnVsbA.e30`,
    'x'.repeat(90_000),
    '.'.repeat(90_000),
    `e30.${'A'.repeat(80_000)}.e30`,
  ])('When it is hostile text, then the form fails, and nothing breaks', async (token) => {
    const explained = await explain(token);

    expect(results(explained)).toEqual({
      form: false,
      algorithm: null,
      key: null,
      signature: null,
      ...afterFailure,
    });
    expect(stytch.reportError).not.toHaveBeenCalled();
  });

  test('When its JSON has strange keys and values, then they are shown as they are', async () => {
    const payload =
      '{"__proto__":{"x":1},"constructor":1,"toJSON":"x","sub":"\\ud800","exp":1e999,"iat":-1e999}';

    const explained = await explain(await mint({ payload }));

    expect(Object.keys(explained.claims ?? {})).toEqual([
      '__proto__',
      'constructor',
      'toJSON',
      'sub',
      'exp',
      'iat',
    ]);
    expect(explained).toMatchObject({ expires_in_seconds: null, lifetime_seconds: null, valid: false });
  });
});

describe('The list of tokens', () => {
  const list = async () => (await stytch.admin('GET', '/tokens')).tokens as ListedToken[];

  test('When tokens are issued and minted, then it has them, newest first, and never whole', async () => {
    const { clientId, clientSecret } = stytch.seed;
    const issued = (await (
      await stytch.token({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
      })
    ).json()) as { access_token: string };
    const minted = await mint({ claims: { sub: 'nobody', scope: null, exp: null } });

    const tokens = await list();

    expect(tokens).toEqual([
      {
        id: expect.any(Number),
        kind: 'minted',
        at: expect.any(String),
        client_id: 'nobody',
        scope: '',
        expires_at_seconds: null,
      },
      {
        id: (tokens[0]?.id ?? 0) - 1,
        kind: 'issued',
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        client_id: clientId,
        scope: 'read:users',
        expires_at_seconds: expect.any(Number),
      },
    ]);
    const explained = await stytch.admin('GET', `/tokens/${tokens[1]?.id ?? 0}`);
    expect(explained).toMatchObject({ claims: { sub: clientId }, valid: true });
    for (const token of [issued.access_token, minted]) {
      expect(JSON.stringify([tokens, explained])).not.toContain(token.split('.')[2]);
    }
  });

  test('When there are more than 500, then the oldest is forgotten', () => {
    const { tokens } = stytch.state;
    for (let count = 0; count < 501; count += 1)
      tokens.add('minted', `e30.${encode({ sub: `${count}` })}.e30`);

    expect(tokens.list()).toHaveLength(500);
    expect(tokens.list().at(-1)).toMatchObject({ client_id: '1' });
  });

  test('When tokens are huge, then fewer are in memory, and their scopes are cut in the list', () => {
    const { tokens } = stytch.state;
    const huge = `e30.${encode({ scope: 'x'.repeat(90_000) })}.e30`;
    for (let count = 0; count < 100; count += 1) tokens.add('minted', huge);

    expect(tokens.list().length).toBeLessThan(40);
    expect(tokens.list()[0]?.scope).toHaveLength(1_001);
  });

  test.each(['0', 'x', '999999'])('When there is no token %s, then it is answered 404', async (id) => {
    await expectRefusal(await fetch(`${stytch.url}/local/tokens/${id}`), 404, 'token_not_found');
  });

  test('When everything is reset, then it is empty', async () => {
    await mint();
    await stytch.admin('POST', '/reset');

    expect(await list()).toEqual([]);
  });
});
