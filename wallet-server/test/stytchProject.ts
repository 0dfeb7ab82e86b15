import { generateKeyPairSync } from 'node:crypto';
import { exportJWK, SignJWT } from 'jose';
import type { Client } from 'stytch';
import { secretMark } from '../../packages/service-kit/test/testLogger';
import { standardClaims } from '../../packages/stytch-m2m/test/jwt';

/** The real SDK, also in a suite that mocks it. */
const stytch = jest.requireActual<{ Client: typeof Client }>('stytch');

export const projectId = 'project-test-11111111-1111-4111-8111-111111111111';
export const projectSecret = `secret-test-${secretMark}`;

/** A Stytch project with a signing key of the test, and the SDK's client with mocked calls. */
export interface StytchProject {
  client: Client;
  /** The mock of `sessions.getJWKS`. By default it resolves with the project's key. */
  getJWKS: jest.SpyInstance<ReturnType<Client['sessions']['getJWKS']>>;
  /** Creates an access token like Stytch's. A claim that is undefined is left out. */
  mint(claims?: Record<string, unknown>): Promise<string>;
}

/** Shared by all tests of a suite: generating a key takes longer than most tests. */
const signingKey = generateKeyPairSync('rsa', { modulusLength: 2048 });

export async function createStytchProject(): Promise<StytchProject> {
  const { privateKey, publicKey } = signingKey;
  const { n = '', e = '' } = await exportJWK(publicKey);
  const key = {
    kty: 'RSA',
    use: 'sig',
    key_ops: ['verify'],
    alg: 'RS256',
    kid: 'jwk-1',
    x5c: [],
    x5tS256: '',
    n,
    e,
  };
  const client = new stytch.Client({ project_id: projectId, secret: projectSecret });
  const getJWKS = jest
    .spyOn(client.sessions, 'getJWKS')
    .mockResolvedValue({ keys: [key], request_id: 'request-id-test-jwks', status_code: 200 });
  const mint = (claims: Record<string, unknown> = {}) => {
    const now = Math.floor(Date.now() / 1_000);
    const sub = 'm2m-client-test-payment-service';
    return new SignJWT({ ...standardClaims(projectId, now), sub, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'jwk-1', typ: 'JWT' })
      .sign(privateKey);
  };
  return { client, getJWKS, mint };
}
