import { generateKeyPairSync } from 'node:crypto';
import { startLocalStytch } from '../../../packages/local-stytch/dist/startLocalStytch';
import { summarize, type Summary } from '../statistics';

/**
 * How long `startLocalStytch` takes in a test that gives it a signing key, once the package is loaded.
 *
 * @returns milliseconds.
 */
export async function measureEmulatorStart(starts: number): Promise<Summary> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signingKey = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const milliseconds: number[] = [];
  for (let start = 0; start < starts; start += 1) {
    const before = performance.now();
    const stytch = await startLocalStytch({ signingKey });
    milliseconds.push(performance.now() - before);
    await stytch.close();
  }
  return summarize(milliseconds);
}
