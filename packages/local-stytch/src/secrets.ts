import { randomBytes, randomUUID, scrypt, type ScryptOptions, timingSafeEqual } from 'node:crypto';

/**
 * The cost of scrypt. Secrets made here have 264 random bits: no cost makes them harder to guess. The cost protects only
 * secrets that a user chooses. 2^12 takes about 10 ms of one core, so that a load test with thousands of token requests
 * measures the services and not this hash.
 */
const cost: ScryptOptions = { N: 2 ** 12, r: 8, p: 1 };
const hashBytes = 32;

/** What is stored of a secret: its hash, and the last four characters, which Stytch shows. */
export interface StoredSecret {
  readonly hash: Buffer;
  readonly lastFour: string;
}

/** A hash that no secret has, to compare with when there is no other. */
export const hashOfNothing = Buffer.alloc(hashBytes);

/** A new secret: 44 base64url characters. */
export function createSecret(): string {
  return randomBytes(33).toString('base64url');
}

/** A new salt of 16 bytes. A client's secret and its next secret share it, so that one hash checks both. */
export function createSalt(): Buffer {
  return randomBytes(16);
}

/** An identifier in Stytch's form: its kind, `test` for a test project, and a UUID. */
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

/** Hashes a secret for storage. */
export async function storeSecret(secret: string, salt: Buffer): Promise<StoredSecret> {
  return { hash: await hashSecret(secret, salt), lastFour: secret.slice(-4) };
}

/** Whether a hash is among others. It compares with each of them, in constant time. */
export function isAmong(hash: Buffer, others: readonly Buffer[]): boolean {
  return others.filter((other) => timingSafeEqual(hash, other)).length > 0;
}
