import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, StytchError } from 'stytch';
import { createApp } from '../src/app';
import { Faults } from '../src/faults';
import { RequestLog } from '../src/requestLog';
import { createSeed, type Seed } from '../src/seed';
import { createState, type State } from '../src/state';

/** Whatever JSON may hold. */
export type Json = ReturnType<typeof JSON.parse>;

export interface TestStytch {
  url: string;
  seed: Seed;
  state: State;
  reportError: jest.Mock;
  /** A new client of the real SDK, with a key set of its own. */
  sdk(settings?: Partial<ConstructorParameters<typeof Client>[0]>): Client;
  /** Calls a control, and fails unless it is answered 200. */
  control(method: string, path: string, body?: unknown): Promise<Record<string, Json>>;
  /** Asks the token endpoint; a plain object is sent as a form. */
  token(parameters: Record<string, string>, headers?: Record<string, string>): Promise<Response>;
  close(): Promise<void>;
}

/**
 * The emulator on a free port, over HTTP as everyone uses it.
 *
 * @param adminToken as if it was exposed to other machines.
 */
export async function startLocalStytch(adminToken?: string): Promise<TestStytch> {
  const seed = createSeed();
  const state = await createState(seed, () => Date.now());
  const faults = new Faults();
  const reportError = jest.fn();
  const app = createApp({ state, faults, requests: new RequestLog(), reportError, adminToken });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    seed,
    state,
    reportError,
    sdk: (settings = {}) =>
      quietly({ project_id: seed.projectId, secret: seed.projectSecret, env: url, ...settings }),
    control: async (method, path, body) => {
      const response = await fetch(`${url}/local${path}`, {
        method,
        ...(body !== undefined && {
          body: JSON.stringify(body),
          headers: { 'Content-Type': 'application/json' },
        }),
      });
      const answer = (await response.json()) as Record<string, unknown>;
      expect({ control: path, ...answer }).toMatchObject({ status_code: 200 });
      return answer;
    },
    token: (parameters, headers = {}) =>
      fetch(tokenUrl(url, seed), { method: 'POST', body: new URLSearchParams(parameters), headers }),
    close: async () => {
      faults.release();
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    },
  };
}

export function tokenUrl(url: string, seed: Seed): string {
  return `${url}/v1/public/${seed.projectId}/oauth2/token`;
}

/** The SDK warns on the console of every base URL that is not Stytch's. */
function quietly(settings: ConstructorParameters<typeof Client>[0]): Client {
  const warn = jest.spyOn(console, 'warn').mockImplementation();
  try {
    return new Client(settings);
  } finally {
    warn.mockRestore();
  }
}

export function basic(user: string, password: string): { Authorization: string } {
  return { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

/** Resolves to what a promise is rejected with; fails if it is not. */
export async function rejection(promise: Promise<unknown>): Promise<Json> {
  return promise.then(
    (value) => {
      throw new Error(`Expected a rejection, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}

/** Expects an SDK call to fail as Stytch refuses it. */
export async function expectStytchError(call: Promise<unknown>, status: number, errorType: string) {
  const error = await rejection(call);
  expect(error).toBeInstanceOf(StytchError);
  expect(error).toMatchObject({
    status_code: status,
    error_type: errorType,
    error_message: expect.stringMatching(/./),
    error_url: `https://stytch.com/docs/api/errors/${status}#${errorType}`,
    request_id: expect.stringMatching(/^request-id-test-[\da-f-]{36}$/),
  });
}

/** Expects an answer in Stytch's form of an error. */
export async function expectRefusal(response: Response, status: number, errorType: string) {
  expect({ status: response.status, body: await response.json() }).toEqual({
    status,
    body: {
      status_code: status,
      request_id: expect.stringMatching(/^request-id-test-[\da-f-]{36}$/),
      error_type: errorType,
      error_message: expect.stringMatching(/./),
      error_url: `https://stytch.com/docs/api/errors/${status}#${errorType}`,
    },
  });
}

/** Expects an answer in OAuth's form of an error (RFC 6749 §5.2). */
export async function expectOAuthError(response: Response, error: string) {
  expect({ status: response.status, body: await response.json() }).toEqual({
    status: 400,
    body: {
      status_code: 400,
      request_id: expect.stringMatching(/^request-id-test-[\da-f-]{36}$/),
      error,
      error_description: expect.stringMatching(/./),
      error_uri: `https://stytch.com/docs/api/errors/400#${error}`,
    },
  });
  expect(response.headers.get('cache-control')).toBe('no-store');
}

/** Header and payload of a JWT, unverified. */
export function decode(token: string): { header: Record<string, Json>; claims: Record<string, Json> } {
  const [header, claims] = token
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>);
  return { header: header!, claims: claims! };
}
