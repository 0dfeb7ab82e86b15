import { randomBytes, randomUUID, scrypt, type ScryptOptions, timingSafeEqual } from 'node:crypto';

/**
 * The cost of scrypt. The secrets made here carry 264 random bits, which no cost makes harder to guess; the
 * cost only protects the few that a user brought along. 2^12 takes about 10 ms of one core, so that a load
 * test with thousands of token requests measures the services and not this hash.
 */
const cost: ScryptOptions = { N: 2 ** 12, r: 8, p: 1 };
const hashBytes = 32;

/** What is stored of a secret: enough to recognize it, and the four characters that Stytch shows of it. */
export interface StoredSecret {
  readonly hash: Buffer;
  readonly lastFour: string;
}

/** A hash that no secret has: it is compared with where there is nothing to compare with. */
export const hashOfNothing = Buffer.alloc(hashBytes);

/** A new secret: 44 base64url characters. */
export function createSecret(): string {
  return randomBytes(33).toString('base64url');
}

/** A new salt of 16 bytes. A client's secret and its next secret share one: one hash then checks both. */
export function createSalt(): Buffer {
  return randomBytes(16);
}

/** An identifier in Stytch's form: the kind of thing, `test` for a test project, and a UUID. */
export function createId(kind: 'project' | 'm2m-client' | 'request-id' | 'jwk'): string {
  return `${kind}-test-${randomUUID()}`;
}

/** Hashes a secret with scrypt, off the event loop. */
export function hashSecret(secret: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, hashBytes, cost, (error, hash) => {
      if (error) reject(error);
      else resolve(hash);
    });
  });
}

/** Turns a secret into what is stored of it. */
export async function storeSecret(secret: string, salt: Buffer): Promise<StoredSecret> {
  return { hash: await hashSecret(secret, salt), lastFour: secret.slice(-4) };
}

/** Whether a hash is among others. Compares with each of them, each in constant time. */
export function isAmong(hash: Buffer, others: readonly Buffer[]): boolean {
  return others.filter((other) => timingSafeEqual(hash, other)).length > 0;
}
