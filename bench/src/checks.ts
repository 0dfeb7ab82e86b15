import { deepStrictEqual } from 'node:assert';
import { setTimeout as wait } from 'node:timers/promises';
import type { Candidate } from './comparison';
import type { Running } from './processes';

/** How long a server may take to become ready. Milliseconds. */
const longestStart = 10_000;

/**
 * Sends one request, before the measurement, and checks its answer.
 *
 * @throws Error when the answer is not the expected one.
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
    throw new Error(`${url}: expected ${expected.status}; got ${answer.status} ${text}`);
  }
  if (expected.json !== undefined) deepStrictEqual(JSON.parse(text), expected.json);
}

/** @throws Error when `/readyz` does not answer 200 in time. */
export async function waitUntilReady({ name, url }: Running): Promise<void> {
  const deadline = Date.now() + longestStart;
  while (Date.now() < deadline) {
    const { ok } = await fetch(`${url}/readyz`);
    if (ok) return;
    await wait(20);
  }
  throw new Error(`${name} did not become ready`);
}
