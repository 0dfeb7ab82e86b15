/// <reference lib="esnext.disposable" preserve="true" />
// The public types. This file imports nothing, so that the published declarations need no other package.

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** An M2M client to create. */
export interface ClientOptions {
  name: string;
  /** Default: random. */
  id?: string | undefined;
  /** At least 8 characters with enough entropy. Default: random. */
  secret?: string | undefined;
  scopes: readonly string[];
  /** Custom claims of each token of this client. They win over those of the claims template. */
  claims?: JsonObject | undefined;
  trustedMetadata?: JsonObject | undefined;
  /** An inactive client gets no tokens. Default `active`. */
  status?: 'active' | 'inactive' | undefined;
}

export interface LocalStytchOptions {
  /** Default 0: the operating system chooses a free port. */
  port?: number | undefined;
  /** Begins with `project-test-`. Default: random. */
  projectId?: string | undefined;
  /** The secret of the management API, `STYTCH_SECRET`. Default: random. */
  projectSecret?: string | undefined;
  /** The first one is the client of `env`. Default: one with the scopes `read:users` and `write:users`. */
  clients?: readonly ClientOptions[] | undefined;
  /** How long an access token lives. Seconds, from 1 to 86,400. Default 3600, as at Stytch. */
  tokenLifetimeSeconds?: number | undefined;
  /** A private RSA key of at least 2048 bits, as PEM or a JWK. Default: a new one, which takes about 0.1 to 1 s. */
  signingKey?: string | object | undefined;
  /**
   * Custom claims of all tokens. `{{ client.trusted_metadata.name }}` in a string stands for a value of the client.
   * An object, or text as in Stytch's dashboard. Default: none.
   */
  claimsTemplate?: string | JsonObject | undefined;
}

/** The variables that point a service at the emulator. */
export interface LocalStytchEnvironment {
  STYTCH_PROJECT_ID: string;
  STYTCH_SECRET: string;
  STYTCH_BASE_URL: string;
  /** Of the first client. */
  CLIENT_ID: string;
  CLIENT_SECRET: string;
}

/** A client, with its secret in plain text. */
export interface LocalStytchClient {
  id: string;
  secret: string;
  name: string;
  scopes: string[];
}

export interface MintOptions {
  /** Parameters that replace those of an ordinary header, such as `{ alg: 'none' }`; null removes a parameter. */
  header?: JsonObject | undefined;
  /** `unknown`: a key that is in no JWKS. Default `current`. */
  signWith?: 'current' | 'unknown' | undefined;
}

/** A request that the emulator answered or is answering. It has no secret and no token. */
export interface LoggedRequest {
  /** Counts the requests, from 1. */
  id: number;
  method: string;
  /** Without the query. */
  path: string;
  at: Date;
  /** Null until it is answered, and when the connection was closed first. */
  status: number | null;
  /** The `error_type` or OAuth `error` of the answer; null when it has none. */
  code: string | null;
  /** Null until the answer was sent or the connection was closed. */
  durationMilliseconds: number | null;
  /** Of a token request: the client, if it exists. */
  clientId: string | null;
  /** Of a token request: the claims of the issued token. */
  claims: JsonObject | null;
}

interface FaultTarget {
  /** A path such as `/v1/public/*`. `*` at the end stands for any rest. Default `*`: all requests. */
  path?: string | undefined;
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | undefined;
  /** How many requests it applies to. Default: all. */
  count?: number | undefined;
}

/** Something that goes wrong on purpose. */
export type FaultOptions = FaultTarget &
  (
    | { kind: 'delay'; milliseconds: number }
    /** An error in Stytch's form. */
    | { kind: 'status'; status: number; retryAfterSeconds?: number | undefined }
    /** An HTML page. Default status 200. */
    | { kind: 'not_json'; status?: number | undefined }
    /** `hang`: no answer. `stall`: half an answer. `drop`: the connection is closed before the operation runs. `drop_answer`: after it. */
    | { kind: 'hang' | 'stall' | 'drop' | 'drop_answer' }
  );

/** A fault that is in effect. */
export interface InjectedFault {
  /** How many requests it has applied to. */
  readonly hits: number;
  remove(): void;
}

/** A running emulator. */
export interface LocalStytch extends AsyncDisposable {
  /** The base URL, for `env` of the Stytch SDK. */
  readonly url: string;
  readonly port: number;
  readonly projectId: string;
  readonly env: LocalStytchEnvironment;
  /** @throws TypeError when an option is wrong, or the id is taken. */
  createClient(options: ClientOptions): Promise<LocalStytchClient>;
  /**
   * Makes an access token, valid or not. By default it is one of the first client, with all its scopes.
   *
   * @param claims replace those of an ordinary token; null removes a claim.
   */
  mintToken(claims?: JsonObject, options?: MintOptions): Promise<string>;
  /** The last 10,000 requests, oldest first. */
  requests(): LoggedRequest[];
  /** @throws TypeError when an option is wrong. */
  injectFault(fault: FaultOptions): InjectedFault;
  /**
   * Moves the clock that dates tokens.
   *
   * @param offsetSeconds how far it is ahead of the real time; negative: behind.
   */
  setClock(offsetSeconds: number): void;
  /**
   * A new key signs from now on.
   *
   * @param options.keepPrevious whether the JWKS still has the earlier keys. Default true.
   */
  rotateSigningKey(options?: { keepPrevious?: boolean | undefined }): Promise<void>;
  /** Restores clients, secrets, keys, settings and clock of the start, removes faults and empties the request log. */
  reset(): void;
  /** Stops at once: it closes all connections. */
  close(): Promise<void>;
}
