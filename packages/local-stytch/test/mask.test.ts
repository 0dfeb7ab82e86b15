import { createSecret } from '../src/secrets';
import { maskForm, maskHeaders, maskJson, maskLooseText, maskText } from '../src/mask';

const jwt = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode({ sub: 'x' })}.c2lnbmF0dXJl`;

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

describe('A text', () => {
  test.each([
    [jwt],
    [`Bearer ${jwt}`],
    [`Bearer%20${jwt}`],
    [`/v1/nothing/${jwt}/x`],
    [`"${jwt}"`],
    [jwt.slice(0, -12)],
    [`x=${jwt}&y=1`],
  ])('When it has a JWT, then that is masked: %s', (text) => {
    const masked = maskText(text);

    expect(masked).toContain('eyJ…••••');
    for (const part of jwt.split('.')) expect(masked).not.toContain(part);
  });

  test('When the header of a JWT has blanks, then it is masked too', () => {
    const spaced = `${Buffer.from('{ "alg": "RS256" }').toString('base64url')}.${encode({ sub: 'x', aud: 'y' })}.sig`;

    expect(maskText(spaced)).toBe(`${spaced.slice(0, 3)}…••••`);
  });

  test("When it is or has one of Stytch's secrets, then that is masked", () => {
    expect(maskText('secret-test-0123456789abcdef')).toBe('secret-test-••••');
    const secret = 'aB3-'.repeat(11);
    expect(maskText(secret)).toBe('••••aB3-');
    expect(maskText(`/v1/m2m/clients/${secret}/x`)).toBe('/v1/m2m/clients/••••aB3-/x');
  });

  test.each([
    'm2m-client-test-0a6cb9ad-4fd0-4d5c-9a8c-7a0c9f3f1d55',
    'request-id-test-0a6cb9ad-4fd0-4d5c-9a8c-7a0c9f3f1d55',
    'jwk-test-0a6cb9ad-4fd0-4d5c-9a8c-7a0c9f3f1d55',
    'https://stytch.com/docs/api/errors/404#route_not_found',
    'stytch-node/14.2.0 (v20.20.0)',
    'read:users write:users',
    '127.0.0.1:5005',
    '<script>alert("x")</script>',
    '\ud800',
  ])('When it has none, then it stays as it is: %j', (text) => {
    expect(maskText(text)).toBe(text);
    expect(maskLooseText(text)).toBe(text);
  });

  test.each([
    ['client_secret=abc&x=1', 'client_secret=••••&x=1'],
    ['{"client_secret": "abc", "x": 1', '{"client_secret": "••••", "x": 1'],
    ["password: 'abc'", "password: '••••'"],
  ])('When its form is unknown, then %j is masked by its names', (text, masked) => {
    expect(maskLooseText(text)).toBe(masked);
  });

  test.each([
    'eyJ'.repeat(40_000),
    `a.${'eyJ'.repeat(40_000)}`,
    'x'.repeat(100_000),
    'x.'.repeat(50_000),
    'secret'.repeat(20_000),
    'secret-test-'.repeat(10_000),
    `secret${' '.repeat(100_000)}`,
    `token"${'='.repeat(100_000)}`,
  ])('When it is long and hostile, then it takes little time', (text) => {
    const start = performance.now();

    maskLooseText(text);
    maskForm(text);

    expect(performance.now() - start).toBeLessThan(1_000);
  });
});

describe('Headers', () => {
  test.each([
    ['authorization', `Bearer ${jwt}`, 'Bearer ••••'],
    ['authorization', `Basic ${Buffer.from('my id:s3cret').toString('base64')}`, 'Basic my id:••••'],
    ['authorization', `basic ${Buffer.from('s3cret').toString('base64')}`, 'basic ••••'],
    ['authorization', 'Basic ***', 'Basic ••••'],
    ['authorization', 's3cret', '••••'],
    ['authorization', '', '••••'],
    ['proxy-authorization', 'Digest s3cret', 'Digest ••••'],
    ['cookie', 'session=s3cret', '••••'],
    ['set-cookie', ['a=s3cret', 'b=s3cret'], '••••'],
    ['x-api-key', 's3cret', '••••'],
    ['x-auth-token', 's3cret', '••••'],
    ['x-other', `before ${jwt}`, 'before eyJ…••••'],
    ['host', 'localhost:5005', 'localhost:5005'],
    ['content-length', 12, '12'],
  ])('When %s is %j, then it is shown as %j', (name, value, shown) => {
    expect(maskHeaders({ [name]: value })).toEqual({ [name]: shown });
  });

  test('When the client id of Basic is a secret by mistake, then it is masked', () => {
    const secret = 'aB3-'.repeat(11);
    const value = `Basic ${Buffer.from(`${secret}:id`).toString('base64')}`;

    expect(maskHeaders({ authorization: value }).authorization).toBe('Basic ••••aB3-:••••');
  });
});

describe('A form', () => {
  test('When it has secrets, then they are masked, and the rest stays as it is encoded', () => {
    const form = `grant_type=client_credentials&client_id=a%20b&client_secret=s3cret&scope=read%3Ausers+x&a=${jwt}`;

    expect(maskForm(form)).toBe(
      'grant_type=client_credentials&client_id=a%20b&client_secret=••••&scope=read%3Ausers+x&a=eyJ…••••',
    );
    expect(maskForm(`client%5Fsecret=s3cret&x=Bearer%20${jwt}&%E0%A4=1`)).toBe(
      'client%5Fsecret=••••&x=Bearer eyJ…••••&%E0%A4=1',
    );
  });
});

describe('JSON', () => {
  test('When names say that a value is secret, then it is masked', () => {
    const masked = maskJson(
      {
        access_token: jwt,
        token_type: 'bearer',
        expires_in: 3600,
        client_secret: 's3cret',
        nested: [{ next_client_secret: 's3cret', dbPassword: 7, client_secret_last_four: 'cret' }],
        secrets: { a: 's3cret' },
        token_lifetime_seconds: 5,
        refresh_token: null,
        name: '<script>',
        text: `has ${jwt}`,
      },
      8_000,
    );

    expect(JSON.parse(masked)).toEqual({
      access_token: '••••',
      token_type: 'bearer',
      expires_in: 3600,
      client_secret: '••••',
      nested: [{ next_client_secret: '••••', dbPassword: '••••', client_secret_last_four: 'cret' }],
      secrets: '••••',
      token_lifetime_seconds: 5,
      refresh_token: null,
      name: '<script>',
      text: 'has eyJ…••••',
    });
  });

  test('When it is long, then it is cut, and the rest costs little', () => {
    const long = {
      list: Array.from({ length: 100_000 }, () => ({ client_secret: createSecret().slice(9) })),
    };

    expect(maskJson(long, 8_000)).toHaveLength(8_001);
    expect(maskJson({ text: 'x'.repeat(9_000) }, 8_000)).toHaveLength(8_001);
    expect(maskJson(undefined, 8_000)).toBe('');
  });
});
