import { generateKeyPairSync } from 'node:crypto';
import { exportJWK, SignJWT } from 'jose';
import type { Client } from 'stytch';
import { secretMark } from '../../packages/service-kit/test/testLogger';

/** The SDK itself, where a suite has put something else in its place. */
const stytch = jest.requireActual<{ Client: typeof Client }>('stytch');

export const projectId = 'project-test-11111111-1111-4111-8111-111111111111';
export const projectSecret = `secret-test-${secretMark}`;

/** A Stytch project whose signing key the test holds, and the SDK's client for it with the calls taken over. */
export interface StytchProject {
  client: Client;
  /** `sessions.getJWKS`, which resolves with the project's key unless told otherwise. */
  getJWKS: jest.SpyInstance<ReturnType<Client['sessions']['getJWKS']>>;
  /** An access token as Stytch issues it; claims set to undefined are left out. */
  mint(claims?: Record<string, unknown>): Promise<string>;
}

/** One for all projects of a suite: making it takes longer than most tests do. */
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
    return new SignJWT({
      sub: 'm2m-client-test-payment-service',
      iss: `stytch.com/${projectId}`,
      aud: [projectId],
      scope: 'read:users',
      iat: now,
      nbf: now,
      exp: now + 3_600,
      ...claims,
    })
      .setProtectedHeader({ alg: 'RS256', kid: 'jwk-1', typ: 'JWT' })
      .sign(privateKey);
  };
  return { client, getJWKS, mint };
}
