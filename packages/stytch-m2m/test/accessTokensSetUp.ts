import type { Client } from 'stytch';
import {
  type AccessTokenEvent,
  AccessTokenProvider,
  type AccessTokenProviderOptions,
  AccessTokenUnavailableError,
  ClientCredentials,
} from '../src';
import { pass } from './timers';

type GetToken = Client['m2m']['token'];
export type TokenAnswer = Awaited<ReturnType<GetToken>>;

export function tokenAnswer(access_token: string, expires_in = 3_600): TokenAnswer {
  return { access_token, token_type: 'bearer', expires_in };
}

/** Access tokens from a Stytch that issues `token-1`, `token-2` and so on, unless a test changes that. */
export function setUp({
  expiresIn = 3_600,
  ...options
}: { expiresIn?: number } & Partial<AccessTokenProviderOptions> = {}) {
  let issued = 0;
  const requestedAt: number[] = [];
  const answer: GetToken = () => Promise.resolve(tokenAnswer(`token-${(issued += 1)}`, expiresIn));
  const token = jest.fn<ReturnType<GetToken>, Parameters<GetToken>>();
  const behave = (behaviour: GetToken = answer) => {
    token.mockImplementation((request) => {
      requestedAt.push(Date.now());
      return behaviour(request);
    });
  };
  behave();
  const credentials = new ClientCredentials('m2m-client-test-1', 'secret-1');
  const events: AccessTokenEvent[] = [];
  const accessTokens = new AccessTokenProvider({
    client: { m2m: { token } },
    credentials,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return {
    accessTokens,
    credentials,
    events,
    token,
    requestedAt,
    /** Sets how Stytch answers from now on. Without an argument, it issues tokens. */
    behave,
    get: async (...scopes: string[]) =>
      (await accessTokens.getAccessToken(scopes.length === 0 ? ['read:users'] : scopes)).accessToken,
    typesOfEvents: () => events.map(({ type }) => type),
  };
}

export function fail(error: Error): GetToken {
  return () => Promise.reject(error);
}

export async function expectUnavailable(
  call: Promise<unknown>,
  expected: Partial<AccessTokenUnavailableError>,
) {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AccessTokenUnavailableError);
  expect(error).toMatchObject(expected);
}

/** Lets this many milliseconds pass, and waits until the call has ended. */
export async function advance<Result>(call: Promise<Result>, milliseconds: number): Promise<Result> {
  const ended = call.then(
    () => undefined,
    () => undefined,
  );
  await pass(milliseconds);
  await ended;
  return call;
}
