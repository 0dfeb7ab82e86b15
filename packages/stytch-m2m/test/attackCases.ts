import {
  createHmac,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
  sign as signBytes,
} from 'node:crypto';
import { createSigningKey, encode, signedToken, standardClaims } from './jwt';

export interface AttackTarget {
  /** The key that signs the project's tokens, and its public half as in the JWKS. */
  privateKey: KeyObject;
  publicJwk: JsonWebKey & { kid: string };
  projectId: string;
  /** Epoch seconds. */
  now: number;
}

export interface AttackCase {
  name: string;
  /** Header lines in the order in which they are sent. A name may occur more than once. */
  headers: () => [name: string, value: string][];
  /** Sent as JSON. */
  body?: unknown;
  /** Appended to the URL of the protected resource. */
  path?: string;
  /** The answer. It has no code if Node refuses the request before the application sees it. */
  expected: { status: number; code?: string };
}

const invalidToken = { status: 401, code: 'invalid_token' };
const unauthorized = { status: 401, code: 'unauthorized' };
const invalidRequest = { status: 400, code: 'invalid_request' };

/**
 * Attacks on a resource that requires the scope `read:users`. Some attacks target the parsing of a token, not its
 * signature: their tokens are signed with the project's key.
 */
export function attackCases({ privateKey, publicJwk, projectId, now }: AttackTarget): AttackCase[] {
  const forger = createSigningKey(publicJwk.kid);
  const claims = standardClaims(projectId, now);
  const header = { alg: 'RS256', kid: publicJwk.kid, typ: 'JWT' };
  const good = signedToken(header, claims, privateKey);
  const [goodHeader = '', goodPayload = '', goodSignature = ''] = good.split('.');

  const attack = (
    name: string,
    token: string,
    expected: AttackCase['expected'] = invalidToken,
  ): AttackCase => ({
    name,
    headers: () => [['Authorization', `Bearer ${token}`]],
    expected,
  });
  const unsigned = (changes: object, signature = '') =>
    `${encode({ ...header, ...changes })}.${goodPayload}.${signature}`;
  const hashed = (alg: 'HS256' | 'HS384' | 'HS512', secret: string | Buffer) => {
    const signed = `${encode({ ...header, alg })}.${goodPayload}`;
    return `${signed}.${createHmac(`sha${alg.slice(2)}`, secret)
      .update(signed)
      .digest('base64url')}`;
  };
  const forged = (changes: object) => signedToken({ ...header, ...changes }, claims, forger.privateKey);
  const signedByProject = (headerChanges: object, payload: object | string = claims) =>
    signedToken({ ...header, ...headerChanges }, payload, privateKey);
  const signedAs = (alg: string, digest: string) => {
    const signed = `${encode({ ...header, alg })}.${goodPayload}`;
    return `${signed}.${signBytes(digest, Buffer.from(signed), privateKey).toString('base64url')}`;
  };

  const publicKey = createPublicKey({ key: publicJwk, format: 'jwk' });
  const spki = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const secrets: [name: string, secret: string | Buffer][] = [
    ['in PEM', spki],
    ['in PEM without the last line break', spki.trim()],
    ['in PEM, PKCS #1', publicKey.export({ type: 'pkcs1', format: 'pem' }).toString()],
    ['in DER', publicKey.export({ type: 'spki', format: 'der' })],
    ['as a JWK', JSON.stringify(publicJwk)],
    ['by its modulus', Buffer.from(publicJwk.n ?? '', 'base64url')],
    ['replaced by the empty secret', ''],
  ];
  const casings = Array.from({ length: 16 }, (_, bits) =>
    Array.from('none', (letter, index) => (bits & (1 << index) ? letter.toUpperCase() : letter)).join(''),
  );
  const keyIds: unknown[] = [
    '../../../../../../dev/null',
    '/etc/passwd',
    'file:///dev/null',
    "' OR '1'='1",
    "x' UNION SELECT 'secret' --",
    '$(id)',
    '`id`',
    '__proto__',
    'constructor',
    'toString',
    `${publicJwk.kid}\u0000`,
    ` ${publicJwk.kid}`,
    publicJwk.kid.toUpperCase(),
    'k'.repeat(4_096),
    '',
    null,
    0,
    true,
    [publicJwk.kid],
    { kid: publicJwk.kid },
  ];
  const text = (changes: string) => JSON.stringify(claims).replace(/\}$/, `,${changes}}`);
  const swapped = (changes: object) => `${goodHeader}.${encode({ ...claims, ...changes })}.${goodSignature}`;
  const flipped = Buffer.from(goodSignature, 'base64url');
  flipped[0] = (flipped[0] ?? 0) ^ 1;

  return [
    ...casings.flatMap((alg) => [
      attack(`alg ${alg}, no signature`, unsigned({ alg })),
      attack(`alg ${alg}, the signature of a good token`, unsigned({ alg }, goodSignature)),
    ]),
    attack('alg none, two parts', unsigned({ alg: 'none' }).slice(0, -1)),
    attack('no alg', unsigned({ alg: undefined }, goodSignature)),
    attack('alg null', unsigned({ alg: null }, goodSignature)),
    attack('alg in a list', forged({ alg: ['RS256', 'none'] })),
    attack('alg rs256, in lower case', signedByProject({ alg: 'rs256' })),
    attack('RS512 with the right key', signedAs('RS512', 'sha512')),
    ...secrets.flatMap(([name, secret]) =>
      (['HS256', 'HS384', 'HS512'] as const).map((alg) =>
        attack(`${alg} with the public key as secret, ${name}`, hashed(alg, secret)),
      ),
    ),

    attack('jwk: the forger’s key in the header', forged({ jwk: forger.publicJwk })),
    attack('jwk: the forger’s key and kid', forged({ jwk: forger.publicJwk, kid: 'forger' })),
    attack('jku: the forger’s key set', forged({ jku: 'http://127.0.0.1:9/jwks.json', kid: 'forger' })),
    attack('x5u: the forger’s certificate', forged({ x5u: 'http://127.0.0.1:9/cert.pem', kid: 'forger' })),
    attack('x5c: the forger’s chain', forged({ x5c: ['AAAA'], x5t: 'AAAA' })),
    ...keyIds.map((kid) => attack(`kid ${JSON.stringify(kid).slice(0, 40)}`, forged({ kid }))),
    attack('no kid', forged({ kid: undefined })),
    attack('no kid, the right key', signedByProject({ kid: undefined })),

    attack('no signature', `${goodHeader}.${goodPayload}.`),
    attack('no signature part', `${goodHeader}.${goodPayload}`),
    attack('a signature without its last character', good.slice(0, -1)),
    attack('half a signature', good.slice(0, -goodSignature.length / 2)),
    attack('a signature of zeros', `${goodHeader}.${goodPayload}.${'A'.repeat(342)}`),
    attack(
      'a signature with one bit flipped',
      `${goodHeader}.${goodPayload}.${flipped.toString('base64url')}`,
    ),
    attack('a signature with padding', `${good}==`),
    attack(
      'a signature with a character that lenient decoders skip',
      `${good.slice(0, -3)}!${good.slice(-3)}`,
    ),
    attack('a signature in base64', `${goodHeader}.${goodPayload}.${flipped.toString('base64')}`),
    attack('a fourth part', `${good}.${goodSignature}`),
    attack('an empty part in front', `.${good}`),

    attack('payload swapped: more scopes', swapped({ scope: 'read:users manage:m2m_clients' })),
    attack('payload swapped: another client', swapped({ sub: 'm2m-client-test-2' })),
    attack('payload swapped: a later expiry', swapped({ exp: now + 86_400 * 365 })),
    attack('parts in another order', `${goodPayload}.${goodHeader}.${goodSignature}`),
    attack('the forger’s own signature', forged({})),

    attack('another project’s token', signedByProject({}, standardClaims('project-test-other', now))),
    attack('another project’s audience', signedByProject({}, { ...claims, aud: ['project-test-other'] })),
    attack(
      'another project’s issuer',
      signedByProject({}, { ...claims, iss: 'stytch.com/project-test-other' }),
    ),
    attack(
      'an issuer that contains ours',
      signedByProject({}, { ...claims, iss: `https://evil/${claims.iss}` }),
    ),
    attack('an audience that contains ours', signedByProject({}, { ...claims, aud: `${projectId},other` })),

    attack('a JWT within a JWT', signedByProject({ cty: 'JWT' }, good)),
    attack('a JWT within a JWT, in JSON', signedByProject({ cty: 'JWT' }, JSON.stringify(good))),
    attack('a good JWT within the forger’s', signedToken({ ...header, cty: 'JWT' }, good, forger.privateKey)),
    attack('an encrypted JWT', `${encode({ alg: 'dir', enc: 'A256GCM' })}..AAAAAAAAAAAAAAAA.AAAA.AAAA`),
    attack(
      'the JSON form of a JWS',
      JSON.stringify({ protected: goodHeader, payload: goodPayload, signature: goodSignature }),
    ),

    attack('crit that names an unknown parameter', signedByProject({ crit: ['x'], x: 1 })),
    attack('crit that names a claim', signedByProject({ crit: ['exp'], exp: claims.exp })),
    attack('an empty crit', signedByProject({ crit: [] })),
    attack('crit that is not a list', signedByProject({ crit: 'b64' })),
    attack('b64 false', signedByProject({ crit: ['b64'], b64: false })),
    attack('the typ of another kind of token', signedByProject({ typ: 'at+jwt' })),

    attack(
      'a claim twice, with a good token’s signature',
      `${goodHeader}.${encode(text('"sub":"x"'))}.${goodSignature}`,
    ),
    attack('exp twice, the last one in the past', signedByProject({}, text(`"exp":${now - 3_600}`))),
    attack(
      'aud twice, the last one of another project',
      signedByProject({}, text('"aud":["project-test-other"]')),
    ),
    attack('scope twice, the last one without read:users', signedByProject({}, text('"scope":"none"')), {
      status: 403,
      code: 'insufficient_scope',
    }),
    attack(
      'alg twice in the header',
      signedToken('{"alg":"RS256","kid":"x","alg":"none"}', claims, forger.privateKey),
    ),
    attack('claims in __proto__', signedByProject({}, `{"__proto__":${JSON.stringify(claims)}}`)),
    attack(
      'scopes named like object properties',
      signedByProject({}, { ...claims, scope: 'constructor:x __proto__:users' }),
      {
        status: 403,
        code: 'insufficient_scope',
      },
    ),
    attack('expired', signedByProject({}, { ...claims, exp: now - 3_600 })),
    attack('not yet valid', signedByProject({}, { ...claims, nbf: now + 3_600 })),
    attack('no exp', signedByProject({}, { ...claims, exp: undefined })),

    attack('a token of 12 kB', `${goodHeader}.${goodPayload}.${randomBytes(9_000).toString('base64url')}`),
    attack('12 kB of dots', '.'.repeat(12_000)),
    attack('12 kB of brackets', `${goodHeader}.${encode('['.repeat(8_500))}.${goodSignature}`),
    attack('a token of 100 kB', `${goodHeader}.${goodPayload}.${'A'.repeat(100_000)}`, { status: 431 }),

    {
      name: 'a good token, twice',
      headers: () => [
        ['Authorization', `Bearer ${good}`],
        ['Authorization', `Bearer ${good}`],
      ],
      expected: invalidRequest,
    },
    {
      name: 'a forged token after a good one',
      headers: () => [
        ['Authorization', `Bearer ${good}`],
        ['authorization', `Bearer ${forged({})}`],
      ],
      expected: invalidRequest,
    },
    {
      name: 'a good token after a forged one',
      headers: () => [
        ['Authorization', `Bearer ${forged({})}`],
        ['AUTHORIZATION', `Bearer ${good}`],
      ],
      expected: invalidRequest,
    },
    {
      name: 'a good token after another scheme',
      headers: () => [
        ['Authorization', 'Basic dXNlcjpwYXNzd29yZA=='],
        ['Authorization', `Bearer ${good}`],
      ],
      expected: unauthorized,
    },
    {
      name: 'two good tokens in one header',
      headers: () => [['Authorization', `Bearer ${good}, Bearer ${good}`]],
      expected: invalidRequest,
    },
    {
      name: 'a good token under another scheme',
      headers: () => [['Authorization', `Foo ${good}`]],
      expected: unauthorized,
    },
    {
      name: 'a good token under another scheme of the same length',
      headers: () => [['Authorization', `Digest ${good}`]],
      expected: unauthorized,
    },
    {
      name: 'a good token in quotes',
      headers: () => [['Authorization', `Bearer "${good}"`]],
      expected: invalidToken,
    },
    {
      name: 'a good token in the query',
      headers: () => [],
      path: `?access_token=${good}`,
      expected: unauthorized,
    },
    {
      name: 'a good token in the query beside a forged one in the header',
      headers: () => [['Authorization', `Bearer ${forged({})}`]],
      path: `?access_token=${good}&authorization=Bearer%20${good}`,
      expected: invalidToken,
    },
    {
      name: 'a good token in the body',
      headers: () => [],
      body: { access_token: good, authorization: `Bearer ${good}` },
      expected: unauthorized,
    },
    {
      name: 'a good token in a cookie and in proxy headers',
      headers: () => [
        ['Cookie', `access_token=${good}; authorization=Bearer ${good}`],
        ['X-Forwarded-Authorization', `Bearer ${good}`],
        ['X-Access-Token', good],
      ],
      expected: unauthorized,
    },
  ];
}
