import { Agent, request } from 'node:http';
import type { RequestHandler } from 'express';
import { createBaseApp, createLogger } from 'service-kit';
import { listen } from './loopback';

/** Header lines in the order in which they are sent. A name may occur more than once. */
export type HeaderLines = readonly (readonly [name: string, value: string])[];

export interface Call {
  path?: string;
  method?: string;
  headers?: HeaderLines;
  body?: unknown;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** The parsed JSON, or undefined if the body is not JSON. */
  body: Record<string, unknown> | undefined;
}

export interface ResourceServer {
  /** Every log line so far. */
  logged: () => string;
  send: (call?: Call) => Promise<Answer>;
  /** Sends a GET request with this access token. */
  sendToken: (token: string, path?: string) => Promise<Answer>;
  close: () => Promise<void>;
}

export const realm = 'test-server';

/** Starts an Express app with these routes and the services' error handler on a free port. */
export async function startResourceServer(routes: Record<string, RequestHandler[]>): Promise<ResourceServer> {
  const lines: string[] = [];
  const logger = createLogger({ name: realm, level: 'trace' }, { write: (line) => lines.push(line) });
  const app = createBaseApp({ logger }, (express) => {
    for (const [path, handlers] of Object.entries(routes)) express.all(path, handlers);
  });
  const server = await listen(app);
  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  const send = (call: Call = {}) => sendTo(server.port, agent, call);
  return {
    logged: () => lines.join(''),
    send,
    sendToken: (token, path = '/') => send({ path, headers: [['Authorization', `Bearer ${token}`]] }),
    close: () => {
      agent.destroy();
      return server.close();
    },
  };
}

/** Sends one request with exactly these header lines: `fetch` would refuse or join some of them. */
export function sendTo(
  port: number,
  agent: Agent,
  { path = '/', method = 'GET', headers = [], body }: Call,
): Promise<Answer> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const lines = [['Host', `127.0.0.1:${port}`], ...headers.map(([name, value]) => [name, value])];
  if (payload !== undefined) {
    lines.push(['Content-Type', 'application/json'], ['Content-Length', String(Buffer.byteLength(payload))]);
  }
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, agent, path, method, headers: lines.flat(), setHost: false };
    const sent = request(options, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += String(chunk)));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parse(text) });
      });
    });
    sent.on('error', reject);
    sent.end(payload);
  });
}

function parse(text: string): Answer['body'] {
  try {
    return JSON.parse(text) as Answer['body'];
  } catch {
    return undefined;
  }
}

export interface Rejection {
  status: number;
  code: string;
  /** The parameters after `Bearer realm="…"`, or null if the answer has no challenge. */
  challenge: string | null;
}

const messages: Readonly<Record<string, string>> = {
  unauthorized: 'Unauthorized',
  invalid_token: 'Unauthorized',
  token_too_old: 'Unauthorized',
  invalid_request: 'Send one Authorization header: Bearer <access token>',
  insufficient_scope: 'Forbidden',
  authorization_unavailable: 'Access tokens cannot be checked now',
};

/** Expects exactly this status, body and challenge (RFC 6750 §3), without further details. */
export function expectRejected(answer: Answer, { status, code, challenge }: Rejection): void {
  const bearer = `Bearer realm="${realm}"${challenge === null || challenge === '' ? '' : `, ${challenge}`}`;
  expect({
    status: answer.status,
    body: answer.body,
    challenge: answer.headers['www-authenticate'],
    retryAfter: answer.headers['retry-after'],
  }).toEqual({
    status,
    body: { error: messages[code], code, request_id: answer.headers['x-request-id'] },
    challenge: challenge === null ? undefined : bearer,
    retryAfter: status === 503 ? expect.stringMatching(/^[1-9]\d*$/) : undefined,
  });
}

export const unauthorized: Rejection = { status: 401, code: 'unauthorized', challenge: '' };
export const invalidRequest: Rejection = {
  status: 400,
  code: 'invalid_request',
  challenge: 'error="invalid_request"',
};
export const invalidToken: Rejection = {
  status: 401,
  code: 'invalid_token',
  challenge: 'error="invalid_token"',
};
export const tokenTooOld: Rejection = { ...invalidToken, code: 'token_too_old' };
export const unavailable: Rejection = { status: 503, code: 'authorization_unavailable', challenge: null };

export function insufficientScope(scope: string): Rejection {
  return {
    status: 403,
    code: 'insufficient_scope',
    challenge: `error="insufficient_scope", scope="${scope}"`,
  };
}
