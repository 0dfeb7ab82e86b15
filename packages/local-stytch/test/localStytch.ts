import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, StytchError } from 'stytch';
import { createEmulator, type Emulator } from '../src/emulator';
import { createSeed } from '../src/seed';
import { hashSeed, type State } from '../src/state';

/** Any JSON. */
export type Json = ReturnType<typeof JSON.parse>;

/** The credentials of the project and its two clients. */
export interface Seed {
  projectId: string;
  projectSecret: string;
  /** Of `payment-service`, with the scope `read:users`. */
  clientId: string;
  clientSecret: string;
  /** Of `operator`, with the scope `manage:m2m_clients`. */
  operatorClientId: string;
  operatorClientSecret: string;
}

export interface TestStytch {
  url: string;
  seed: Seed;
  state: State;
  emulator: Emulator;
  reportError: jest.Mock;
  /** A new client of the real SDK, with a JWKS cache of its own. */
  sdk(settings?: Partial<ConstructorParameters<typeof Client>[0]>): Client;
  /** Calls the admin API, and fails if the answer is not 200. */
  admin(method: string, path: string, body?: unknown): Promise<Record<string, Json>>;
  /** Sends a form to the token endpoint. */
  token(parameters: Record<string, string>, headers?: Record<string, string>): Promise<Response>;
  close(): Promise<void>;
}

/**
 * Starts the emulator on a free port.
 *
 * @param adminToken makes it one that is exposed to other machines.
 */
export async function startLocalStytch(adminToken?: string): Promise<TestStytch> {
  const { projectId, projectSecret, clients, ...rest } = createSeed({
    clients: [
      { name: 'payment-service', scopes: ['read:users'] },
      { name: 'operator', scopes: ['manage:m2m_clients'] },
    ],
  });
  const [paymentService, operator] = clients;
  const seed = {
    projectId,
    projectSecret,
    clientId: paymentService.id,
    clientSecret: paymentService.secret,
    operatorClientId: operator!.id,
    operatorClientSecret: operator!.secret,
  };
  const reportError = jest.fn();
  const initial = await hashSeed({ projectId, projectSecret, clients, ...rest });
  const emulator = createEmulator(initial, { reportError, adminToken });
  const { app, state, faults } = emulator;
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  state.baseUrl = url;
  return {
    url,
    seed,
    state,
    emulator,
    reportError,
    sdk: (settings = {}) =>
      quietly({ project_id: seed.projectId, secret: seed.projectSecret, env: url, ...settings }),
    admin: async (method, path, body) => {
      const response = await fetch(`${url}/local${path}`, {
        method,
        ...(body !== undefined && {
          body: JSON.stringify(body),
          headers: { 'Content-Type': 'application/json' },
        }),
      });
      const answer = (await response.json()) as Record<string, unknown>;
      expect({ path, ...answer }).toMatchObject({ status_code: 200 });
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

/** The SDK prints a warning for each base URL that is not Stytch's. */
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

/** Resolves to the error of a promise; fails if it is not rejected. */
export async function rejection(promise: Promise<unknown>): Promise<Json> {
  return promise.then(
    (value) => {
      throw new Error(`Expected a rejection, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}

/** Expects an SDK call to fail with one of Stytch's errors. */
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

/** Expects an error in Stytch's form. */
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

/** Expects an error in OAuth's form (RFC 6749 §5.2). */
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
