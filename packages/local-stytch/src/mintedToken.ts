import { constants, createHmac, createPrivateKey, sign } from 'node:crypto';
import { exportPKCS8, exportSPKI } from 'jose';
import { z } from 'zod';
import type { SigningKey } from './signingKeys';
import type { State } from './state';
import { standardClaims } from './token';

/** What `POST /local/tokens` takes. */
export const mintSchema = z.strictObject({
  /** Laid over the claims of a usual token; null leaves a claim out. */
  claims: z.record(z.string(), z.unknown()).optional(),
  /** Laid over the header of a usual token; null leaves a parameter out. */
  header: z.record(z.string(), z.unknown()).optional(),
  /** The payload as text, signed as it is, in place of claims: for what no JSON object can say. */
  payload: z.string().optional(),
  /** `unknown`: a key that is in no JWKS, under a `kid` of its own. */
  sign_with: z.enum(['current', 'unknown']).default('current'),
});

/**
 * Makes a token that the token endpoint never would. The signature is the one that the header's `alg` names:
 * RS*, PS* with the RSA key; HS* with the public key (SPKI PEM) as the secret; none without; any other name
 * stands over an RS256 signature.
 */
export async function mintToken(state: State, wanted: z.infer<typeof mintSchema>): Promise<string> {
  const key = wanted.sign_with === 'current' ? state.keys.current : await state.keys.unpublished();
  const header = overlay({ alg: 'RS256', kid: key.kid, typ: 'JWT' }, wanted.header);
  const claims = overlay(standardClaims(state, state.paymentServiceId, 'read:users'), wanted.claims);
  const signed = [JSON.stringify(header), wanted.payload ?? JSON.stringify(claims)]
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');
  const signature = await signAs(typeof header.alg === 'string' ? header.alg : '', signed, key);
  return `${signed}.${signature.toString('base64url')}`;
}

function overlay(
  base: Readonly<Record<string, unknown>>,
  change: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return Object.fromEntries(Object.entries({ ...base, ...change }).filter(([, value]) => value !== null));
}

async function signAs(algorithm: string, signed: string, key: SigningKey): Promise<Buffer> {
  if (algorithm.toLowerCase() === 'none') return Buffer.alloc(0);
  const [, family, bits] = /^(RS|PS|HS)(256|384|512)$/.exec(algorithm) ?? [algorithm, 'RS', '256'];
  const digest = `sha${bits}`;
  if (family === 'HS') {
    return createHmac(digest, await exportSPKI(key.publicKey))
      .update(signed)
      .digest();
  }
  const padding =
    family === 'PS'
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : {};
  const privateKey = createPrivateKey(await exportPKCS8(key.privateKey));
  return sign(digest, Buffer.from(signed), { key: privateKey, ...padding });
}
