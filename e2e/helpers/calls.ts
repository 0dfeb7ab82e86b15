import { type IncomingHttpHeaders, request } from 'node:http';
import { request as secureRequest, type RequestOptions } from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';
import type { Program } from '../../tools/src/program';

/** An HTTP response. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** The body, parsed. Undefined if it is not JSON. */
  json: unknown;
  /** From the call to the last byte of the body. */
  milliseconds: number;
}

export interface CallOptions {
  method?: string;
  /** Names and values; or an array of both in turn, sent as it is, without the headers that Node adds. */
  headers?: Record<string, string> | string[];
  /** A string is sent as it is, anything else as JSON. */
  body?: unknown;
  /** For https: the CAs and the client certificate. */
  tls?: Pick<RequestOptions, 'ca' | 'cert' | 'key'>;
}

/**
 * Makes a call on a new connection, so that it does not reuse one that a test broke.
 *
 * @throws Error when the connection is refused or breaks before the end of the answer.
 */
export async function call(
  url: string,
  { method = 'GET', headers = {}, body, tls }: CallOptions = {},
): Promise<Answer> {
  const startedAt = performance.now();
  const payload = typeof body === 'string' ? body : JSON.stringify(body ?? '');
  const about =
    body === undefined
      ? {}
      : { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(payload)) };
  const { status, received, text } = await new Promise<{
    status: number;
    received: IncomingHttpHeaders;
    text: string;
  }>((resolve, reject) => {
    const all = Array.isArray(headers)
      ? ['Host', new URL(url).host, ...Object.entries(about).flat(), ...headers]
      : { ...about, ...headers };
    const send = url.startsWith('https:') ? secureRequest : request;
    const sent = send(url, { ...tls, method, agent: false, headers: all }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      response.once('error', reject);
      response.once('end', () => {
        resolve({ status: response.statusCode ?? 0, received: response.headers, text });
      });
    });
    sent.once('error', reject);
    sent.end(body === undefined ? undefined : payload);
  });
  return { status, headers: received, text, json: parse(text), milliseconds: performance.now() - startedAt };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * Repeats a check until it returns something other than false or undefined. An error counts as false.
 *
 * @param what completes the message "timed out waiting until".
 * @param withinMilliseconds is long by default, because the machine may be busy.
 */
export async function until<Value>(
  what: string,
  condition: () => Promise<Value | false | undefined> | Value | false | undefined,
  withinMilliseconds = 30_000,
): Promise<Value> {
  const startedAt = Date.now();
  const deadline = startedAt + withinMilliseconds;
  let lastError: unknown;
  while (Date.now() < deadline) {
    try {
      const value = await condition();
      if (value !== false && value !== undefined) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    // Less and less often: each check takes time from the programs under test.
    await wait(Math.min(10 + (Date.now() - startedAt) / 10, 200));
  }
  throw new Error(`timed out waiting until ${what}`, { cause: lastError });
}

/** The status of an answer, its error code (or the whole body, if it has no code) and its Retry-After. */
export function summary({ status, headers, json, text }: Answer) {
  const { code } = (json ?? {}) as { code?: unknown };
  const retryAfter = headers['retry-after'];
  return { status, code: code ?? json ?? text, ...(retryAfter !== undefined && { retryAfter }) };
}

export const paid = {
  status: 200,
  code: 'john_doe your payment of 769 to yh809ikol7plo98 was successful!',
};

export function pay({ url }: Pick<Program, 'url'>, headers: Record<string, string> = {}): Promise<Answer> {
  return call(`${url}/initiate-payment`, { headers });
}

export function checkBalance({ url }: Pick<Program, 'url'>, accessToken: string): Promise<Answer> {
  return call(`${url}/api/check-balance`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${accessToken}` },
    body: { customerId: '67uhjio098uhgt6l' },
  });
}

/** Calls a function a number of times in parallel. */
export function times<Value>(count: number, make: (index: number) => Promise<Value>): Promise<Value[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => make(index)));
}

/**
 * Whether callers make calls without a pause. Only `npm run test:long` asks for it: a few such callers use the whole
 * machine, which delays every other test.
 */
export const fullSpeed = process.env.FULL_SPEED === 'on';

/** The pause of a caller between an answer and its next call. Milliseconds. */
const callerPause = fullSpeed ? 0 : 40;

/** Makes calls on some parallel callers while `work` runs. Returns the answers. */
export async function during(
  callers: number,
  make: () => Promise<Answer>,
  work: (answers: readonly Answer[]) => Promise<unknown>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  let over = false;
  const calls = times(callers, async () => {
    while (!over) {
      answers.push(await make());
      await wait(callerPause);
    }
  });
  const end = () => {
    over = true;
  };
  await Promise.all([calls, work(answers).finally(end)]);
  return answers;
}
