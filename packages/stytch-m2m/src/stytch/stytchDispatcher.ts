import { runInThisContext } from 'node:vm';
import { channels, type StytchRequestMessage } from '../tracing';
import { type Call, currentCall, retryAfterSeconds, StytchUnavailableError } from './callStytch';

/** Bytes. A page of 1,000 clients is well below this, unless they have much metadata. */
const maxAnswerBytes = 1_000_000;

interface Dispatching {
  dispatch(options: DispatchOptions, handler: object): boolean;
}

interface DispatchOptions {
  method: string;
  origin: string | URL;
  path: string;
  headers?: object;
}

/**
 * The dispatcher for a client of the Stytch SDK, version 14: `new Client({ dispatcher: stytchDispatcher })`.
 *
 * The SDK's own fetch has no timeout, reads an answer of any size, and follows a redirect with the credentials in
 * the body to any address. With this dispatcher `callStytch` aborts a request at its timeout, an answer may have at
 * most 1 MB, and a redirect is an error. It uses the connections of Node's own fetch.
 *
 * Its type is `never`, so that it fits the types of every version of undici without a dependency on one.
 *
 * @example
 * import { Client } from 'stytch';
 * import { stytchDispatcher } from 'stytch-m2m';
 *
 * const { STYTCH_PROJECT_ID = '', STYTCH_SECRET = '' } = process.env;
 * const client = new Client({
 *   project_id: STYTCH_PROJECT_ID,
 *   secret: STYTCH_SECRET,
 *   dispatcher: stytchDispatcher,
 * });
 * console.log(client.m2m !== undefined);
 */
export const stytchDispatcher = {
  dispatch(options: DispatchOptions, handler: object): boolean {
    const call = currentCall() ?? {};
    // 1 MB of compressed data could become 1 GB.
    const headers = { ...options.headers, 'accept-encoding': 'identity', ...tracingHeaders(options, call) };
    return globalDispatcher().dispatch({ ...options, headers }, bound(handler, call));
  },
} as never;

export interface StytchConfig {
  projectId: string;
  /** The project's secret. */
  secret: string;
  /** Base URL of Stytch. Default: https://test.stytch.com, or https://api.stytch.com for a live project. */
  baseUrl?: string | undefined;
}

/**
 * The configuration of a `Client` or `B2BClient` of the Stytch SDK, with the limits of `stytchDispatcher`.
 *
 * @example
 * import { Client } from 'stytch';
 * import { stytchConfig } from 'stytch-m2m';
 *
 * const { STYTCH_PROJECT_ID = '', STYTCH_SECRET = '', STYTCH_BASE_URL } = process.env;
 * const client = new Client(
 *   stytchConfig({ projectId: STYTCH_PROJECT_ID, secret: STYTCH_SECRET, baseUrl: STYTCH_BASE_URL }),
 * );
 * console.log(client.m2m !== undefined);
 */
export function stytchConfig({ projectId, secret, baseUrl }: StytchConfig): {
  project_id: string;
  secret: string;
  dispatcher: never;
  env?: string;
} {
  return {
    project_id: projectId,
    secret,
    dispatcher: stytchDispatcher,
    ...(baseUrl !== undefined && { env: baseUrl }),
  };
}

/** The headers that subscribers add. */
function tracingHeaders({ method, origin, path }: DispatchOptions, { context }: Call) {
  const { stytchRequest } = channels;
  if (!stytchRequest.hasSubscribers) return {};
  const message: StytchRequestMessage = { context, method, origin: String(origin), path, headers: {} };
  stytchRequest.publish(message);
  return message.headers;
}

/**
 * The global dispatcher of Node's fetch, or the one that the program has set instead. It exists once fetch has been
 * called, on Node's own global object: in a sandbox such as Jest's, `globalThis` is another object.
 */
function globalDispatcher(): Dispatching {
  const globals = runInThisContext('globalThis') as Record<symbol, Dispatching | undefined>;
  const [dispatcher] = [2, 1].flatMap(
    (version) => globals[Symbol.for(`undici.globalDispatcher.${version}`)] ?? [],
  );
  if (!dispatcher) throw new Error('This Node has no global dispatcher for fetch');
  return dispatcher;
}

/** Checks one answer as it arrives. */
class AnswerCheck {
  #bytes = 0;

  constructor(private readonly call: Call) {}

  connected(abort: (reason: Error) => void): void {
    this.call.abort = abort;
    // The timeout passed before there was a connection.
    if (this.call.failure) abort(this.call.failure);
  }

  /** @returns whether the answer is accepted so far. */
  head(status: number, header: (name: string) => string | undefined): boolean {
    if (status < 200) return true;
    this.call.retryAfterSeconds = retryAfterSeconds(header('retry-after'));
    if (status >= 300 && status < 400) return this.#refuse(`a redirect (${status}): it is not followed`);
    // fetch would send the request again, although Stytch may have processed it.
    if (status === 421) return this.#refuse('421: this address is not its own');
    const compressed = (header('content-encoding') ?? 'identity') !== 'identity';
    return compressed ? this.#refuse('a compressed body, which was not asked for') : true;
  }

  /** @returns whether the answer is accepted so far. */
  body({ length }: Uint8Array): boolean {
    this.#bytes += length;
    return this.#bytes > maxAnswerBytes ? this.#refuse(`more than ${maxAnswerBytes} bytes`) : true;
  }

  #refuse(what: string): false {
    const { call } = this;
    call.failure ??= new StytchUnavailableError(
      `Stytch answered with ${what}`,
      false,
      call.retryAfterSeconds,
    );
    call.abort?.(call.failure);
    return false;
  }
}

type Pass = (...values: unknown[]) => unknown;
type Abort = (reason: Error) => void;

/** The checks before each method of a handler, by the method's name. */
const checks: Record<string, ((check: AnswerCheck, pass: Pass, ...values: never[]) => unknown) | undefined> =
  {
    // undici 6 and 7: Node 20 to 24.
    onConnect: (check, pass, abort: Abort, ...rest: unknown[]) => {
      pass(abort, ...rest);
      check.connected(abort);
    },
    onHeaders: (check, pass, status: number, raw: Buffer[], ...rest: unknown[]) =>
      check.head(status, (name) => rawHeader(raw, name)) && pass(status, raw, ...rest),
    onData: (check, pass, chunk: Uint8Array) => check.body(chunk) && pass(chunk),
    // undici 8: Node 26.
    onRequestStart: (check, pass, controller: { abort: Abort }, ...rest: unknown[]) => {
      pass(controller, ...rest);
      check.connected((reason) => {
        controller.abort(reason);
      });
    },
    onResponseStart: (
      check,
      pass,
      controller: unknown,
      status: number,
      headers: Headers,
      ...rest: unknown[]
    ) => check.head(status, (name) => headers[name]) && pass(controller, status, headers, ...rest),
    onResponseData: (check, pass, controller: unknown, chunk: Uint8Array) =>
      check.body(chunk) && pass(controller, chunk),
  };

type Headers = Record<string, string | undefined>;

function bound(handler: object, call: Call): object {
  const check = new AnswerCheck(call);
  return new Proxy(handler as Record<string, unknown>, {
    get(target, name: string) {
      const value = target[name];
      if (typeof value !== 'function') return value;
      const pass = value.bind(target) as Pass;
      return checks[name]?.bind(undefined, check, pass) ?? pass;
    },
  });
}

function rawHeader(raw: readonly Buffer[], name: string): string | undefined {
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if (raw[index]?.toString().toLowerCase() === name) return raw[index + 1]?.toString();
  }
  return undefined;
}
