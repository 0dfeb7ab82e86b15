import { deepStrictEqual } from 'node:assert';
import { setTimeout as wait } from 'node:timers/promises';
import type { Candidate } from './comparison';
import type { Running } from './processes';

/** How long a server may take until it is ready. Milliseconds. */
const longestStart = 10_000;

/**
 * Sends one request and looks at the answer, before any is counted.
 *
 * @throws Error when it is another than expected.
 */
export async function check(
  { url, method = 'GET', headers, body }: Candidate['job'],
  expected: { status: number; json?: unknown },
): Promise<void> {
  const answer = await fetch(url, {
    method,
    ...(headers && { headers }),
    ...(body !== undefined && { body }),
  });
  const text = await answer.text();
  if (answer.status !== expected.status) {
    throw new Error(`${url}: expected ${expected.status}; came ${answer.status} ${text}`);
  }
  if (expected.json !== undefined) deepStrictEqual(JSON.parse(text), expected.json);
}

/** @throws Error when `/readyz` does not come to say 200. */
export async function waitUntilReady({ name, url }: Running): Promise<void> {
  const deadline = Date.now() + longestStart;
  while (Date.now() < deadline) {
    const { ok } = await fetch(`${url}/readyz`);
    if (ok) return;
    await wait(20);
  }
  throw new Error(`${name} did not get ready`);
}
