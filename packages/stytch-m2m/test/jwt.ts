import { generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto';

export interface SigningKey {
  kid: string;
  privateKey: KeyObject;
  /** The public key as in a JWKS. */
  publicJwk: JsonWebKey & { kid: string };
}

export function createSigningKey(kid: string): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    kid,
    privateKey,
    publicJwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' },
  };
}

/** A part of a JWT: a string as it is, an object as JSON. */
export function encode(part: object | string): string {
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
}

/** A JWT with an RS256 signature, even if its header names another algorithm. */
export function signedToken(header: object | string, payload: object | string, key: KeyObject): string {
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

/** The claims of an access token as Stytch issues it. `now` is in epoch seconds. */
export function standardClaims(projectId: string, now: number) {
  return {
    sub: 'm2m-client-test-1',
    iss: `stytch.com/${projectId}`,
    aud: [projectId],
    scope: 'read:users',
    iat: now,
    nbf: now,
    exp: now + 3_600,
  };
}
