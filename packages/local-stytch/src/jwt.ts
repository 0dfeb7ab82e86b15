import { constants, createHmac, type KeyObject, sign } from 'node:crypto';
import type { SigningKey } from './signingKeys';

/** The header of a JWT. Its `alg` selects the signature. */
export type JwtHeader = Readonly<Record<string, unknown>>;

/**
 * Signs a JWT (RFC 7515 §7.1) with the signature that the header's `alg` names: RS* and PS* with the RSA key, HS* with
 * the public key (SPKI PEM) as the secret, `none` without a signature. Any other name gets an RS256 signature.
 *
 * @param payload the JSON text.
 */
export async function signJwt(header: JwtHeader, payload: string, key: SigningKey): Promise<string> {
  const signed = `${base64url(JSON.stringify(header))}.${base64url(payload)}`;
  const signature = await createSignature(typeof header.alg === 'string' ? header.alg : '', signed, key);
  return `${signed}.${signature.toString('base64url')}`;
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}

async function createSignature(algorithm: string, signed: string, key: SigningKey): Promise<Buffer> {
  if (algorithm.toLowerCase() === 'none') return Buffer.alloc(0);
  const [, family, bits] = /^(RS|PS|HS)(256|384|512)$/.exec(algorithm) ?? [algorithm, 'RS', '256'];
  const digest = `sha${bits}`;
  if (family === 'HS') {
    const secret = key.publicKey.export({ type: 'spki', format: 'pem' });
    return createHmac(digest, secret).update(signed).digest();
  }
  return signWithRsa(digest, signed, key.privateKey, family === 'PS');
}

/** Signs off the event loop. */
function signWithRsa(digest: string, signed: string, key: KeyObject, pss: boolean): Promise<Buffer> {
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return new Promise((resolve, reject) => {
    sign(digest, Buffer.from(signed), pss ? { key, ...padding } : key, (error, signature) => {
      if (error) reject(error);
      else resolve(signature);
    });
  });
}
