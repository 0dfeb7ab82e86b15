import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import { promisify } from 'node:util';
import type { Changes } from './changes';
import { createId } from './secrets';

/** A JSON Web Key (RFC 7517). */
export type Jwk = JsonWebKey & { kid?: string; alg?: string; use?: string; key_ops?: string[] };

/** An RS256 key pair. */
export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** The public key, as the JWKS has it. */
  readonly jwk: Jwk;
}

const minimumBits = 2048;
const generate = promisify(generateKeyPair);

/** Makes a 2048-bit RSA key pair for RS256. */
export async function createSigningKey(): Promise<SigningKey> {
  const { privateKey } = await generate('rsa', { modulusLength: minimumBits });
  return describeKey(privateKey, createId('jwk'));
}

/**
 * Reads a private key: PEM (PKCS #8 or PKCS #1), a JWK, or a JWK as text. The `kid` is that of the JWK. Without one it
 * is derived from the key (RFC 7638), so that it is the same in each run.
 *
 * @throws TypeError when this is no private RSA key of at least 2048 bits. The message has nothing of the key.
 */
export function readSigningKey(given: string | Jwk): SigningKey {
  const { privateKey, kid } = readPrivateKey(given);
  if (
    privateKey.asymmetricKeyType !== 'rsa' ||
    (privateKey.asymmetricKeyDetails?.modulusLength ?? 0) < minimumBits
  ) {
    throw new TypeError(`The signing key must be an RSA key of at least ${minimumBits} bits.`);
  }
  return describeKey(privateKey, kid);
}

function readPrivateKey(given: string | Jwk): { privateKey: KeyObject; kid?: string | undefined } {
  try {
    if (typeof given === 'string' && !given.trimStart().startsWith('{')) {
      return { privateKey: createPrivateKey(given) };
    }
    const jwk = typeof given === 'string' ? (JSON.parse(given) as Jwk) : given;
    return { privateKey: createPrivateKey({ key: jwk, format: 'jwk' }), kid: jwk.kid };
  } catch {
    throw new TypeError('The signing key must be a private RSA key: PEM or a JWK.');
  }
}

function describeKey(privateKey: KeyObject, wantedKid: string | undefined): SigningKey {
  const publicKey = createPublicKey(privateKey);
  const { kty, n, e } = publicKey.export({ format: 'jwk' });
  const thumbprint = createHash('sha256').update(JSON.stringify({ e, kty, n }));
  const kid = wantedKid ?? `jwk-test-${thumbprint.digest('base64url')}`;
  const jwk = { kty, n, e, alg: 'RS256', use: 'sig', key_ops: ['verify'], kid } as Jwk;
  return { kid, privateKey, publicKey, jwk };
}

/** At least one key, the newest first. */
export type SigningKeyList = readonly [SigningKey, ...SigningKey[]];

/**
 * The project's signing keys. The newest one signs. The JWKS has all that are not retired: after a rotation Stytch
 * publishes both keys for a month.
 */
export class KeyRing {
  private keys: SigningKeyList;
  private unknownKey: Promise<SigningKey> | undefined;

  constructor(
    private readonly initial: SigningKeyList,
    private readonly changes: Changes,
  ) {
    this.keys = initial;
  }

  /** All keys that are not retired, newest first. */
  get all(): SigningKeyList {
    return this.keys;
  }

  /** The key that signs. */
  get current(): SigningKey {
    return this.keys[0];
  }

  /** A key that is in no JWKS. It is made at the first use. */
  unpublished(): Promise<SigningKey> {
    return (this.unknownKey ??= createSigningKey());
  }

  /** The public keys, newest first. */
  published(): Jwk[] {
    return this.keys.map(({ jwk }) => jwk);
  }

  /** A new key signs from now on. Without `keepPrevious` the earlier keys are retired at once. */
  async rotate(keepPrevious: boolean): Promise<void> {
    const next = await createSigningKey();
    this.replace(keepPrevious ? [next, ...this.keys] : [next]);
  }

  /** Retires all keys but the one that signs. */
  retirePrevious(): void {
    this.replace([this.current]);
  }

  /** Goes back to the keys of the start. */
  reset(): void {
    this.replace(this.initial);
  }

  private replace(keys: SigningKeyList): void {
    this.keys = keys;
    this.changes.state();
  }
}
