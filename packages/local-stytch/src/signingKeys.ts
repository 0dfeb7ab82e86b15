import { exportJWK, generateKeyPair, type JWK, type KeyLike } from 'jose';
import { createId } from './secrets';

/** An RS256 key pair, and how its public half is published. */
export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyLike;
  readonly publicKey: KeyLike;
  readonly jwk: JWK;
}

/** Makes a 2048-bit RSA key pair for RS256. */
export async function createSigningKey(): Promise<SigningKey> {
  const kid = createId('jwk');
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), alg: 'RS256', use: 'sig', key_ops: ['verify'], kid };
  return { kid, privateKey, publicKey, jwk };
}

/**
 * The project's signing keys. The newest one signs; the published set holds it and the earlier ones that
 * are not yet retired, as Stytch's does for a month after a rotation.
 */
export class KeyRing {
  /** Newest first. */
  private keys: readonly [SigningKey, ...SigningKey[]];
  private stranger: Promise<SigningKey> | undefined;

  constructor(private readonly first: SigningKey) {
    this.keys = [first];
  }

  /** The key that signs. */
  get current(): SigningKey {
    return this.keys[0];
  }

  /** A key that is never published, for tokens that a stranger signed. Made at the first use. */
  unpublished(): Promise<SigningKey> {
    return (this.stranger ??= createSigningKey());
  }

  /** The public keys, newest first. */
  published(): JWK[] {
    return this.keys.map(({ jwk }) => jwk);
  }

  /** A new key signs from now on. Without `keepPrevious` the earlier keys are retired at once. */
  async rotate(keepPrevious: boolean): Promise<void> {
    const next = await createSigningKey();
    this.keys = keepPrevious ? [next, ...this.keys] : [next];
  }

  /** Only the key that signs stays published. */
  retirePrevious(): void {
    this.keys = [this.current];
  }

  /** The key of the start signs again, alone. */
  reset(): void {
    this.keys = [this.first];
  }
}
