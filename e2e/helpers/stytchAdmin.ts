import type { Program } from '../../tools/src/program';
import { call } from './calls';

/** A fault that local-stytch can simulate: see `packages/local-stytch/src/faults.ts`. */
export type Fault =
  | { kind: 'delay'; milliseconds: number; count?: number }
  | { kind: 'status'; status: number; retry_after_seconds?: number; count?: number }
  | { kind: 'hang' | 'stall' | 'drop' | 'drop_answer' | 'not_json'; count?: number };

interface Requests {
  counts: { token: number; jwks: number };
  requests: { method: string; path: string; status: number | null; at: string }[];
}

/** The admin API of local-stytch, and the calls to Stytch's API that tests share. */
export class StytchAdmin {
  constructor(readonly program: Program) {}

  /** Adds a fault to the routes with a path, which may end in `*`. */
  addFault(path: string, fault: Fault & { method?: string }): Promise<unknown> {
    return this.#control('POST', '/faults', { path, ...fault });
  }

  /** Adds a fault to the token endpoint. */
  breakTokens(fault: Fault): Promise<unknown> {
    return this.addFault('/v1/public/*', fault);
  }

  /** Adds a fault to the JWKS. */
  breakKeys(fault: Fault): Promise<unknown> {
    return this.addFault('/v1/sessions/jwks/*', fault);
  }

  clearFaults(): Promise<unknown> {
    return this.#control('DELETE', '/faults');
  }

  /** Restores clients, signing keys, clock and token lifetime, and clears faults and the request log. */
  reset(): Promise<unknown> {
    return this.#control('POST', '/reset');
  }

  forgetRequests(): Promise<unknown> {
    return this.#control('DELETE', '/requests');
  }

  async tokenRequests(): Promise<number> {
    return (await this.#requests()).counts.token;
  }

  async keyRequests(): Promise<number> {
    return (await this.#requests()).counts.jwks;
  }

  /** The times of the requests for the JWKS, in epoch milliseconds. */
  async keyRequestTimes(): Promise<number[]> {
    const { requests } = await this.#requests();
    return requests
      .filter(({ path }) => path.startsWith('/v1/sessions/jwks/'))
      .map(({ at }) => Date.parse(at));
  }

  setClock(offsetSeconds: number): Promise<unknown> {
    return this.#control('POST', '/clock', { offset_seconds: offsetSeconds });
  }

  setTokenLifetime(seconds: number): Promise<unknown> {
    return this.#control('POST', '/token-lifetime', { seconds });
  }

  /** Makes a new signing key. The earlier keys stay in the JWKS, or leave it. */
  rotateKeys(keepPrevious: boolean): Promise<unknown> {
    return this.#control('POST', '/signing-keys/rotate', { keep_previous: keepPrevious });
  }

  /** Makes an access token for payment-service. `changes` replace parts of it. */
  async mint(changes: object = {}): Promise<string> {
    const answer = await this.#control('POST', '/tokens', changes);
    return (answer as { access_token: string }).access_token;
  }

  /** Makes the operator's access token. */
  mintForOperator(): Promise<string> {
    const { OPERATOR_CLIENT_ID: sub } = this.program.seed;
    return this.mint({ claims: { sub, scope: 'manage:m2m_clients' } });
  }

  /** Whether the token endpoint accepts a client secret. Default: of payment-service. */
  async acceptsSecret(secret: string, clientId = this.program.seed.CLIENT_ID): Promise<boolean> {
    const { url, seed } = this.program;
    const { status } = await call(`${url}/v1/public/${seed.STYTCH_PROJECT_ID ?? ''}/oauth2/token`, {
      method: 'POST',
      body: { grant_type: 'client_credentials', client_id: clientId, client_secret: secret },
    });
    return status === 200;
  }

  /** Activates or deactivates the M2M client payment-service. */
  async setClientStatus(status: 'active' | 'inactive'): Promise<void> {
    const { url, seed } = this.program;
    const credentials = `${seed.STYTCH_PROJECT_ID ?? ''}:${seed.STYTCH_SECRET ?? ''}`;
    await this.#ask(`${url}/v1/m2m/clients/${seed.CLIENT_ID ?? ''}`, {
      method: 'PUT',
      headers: { Authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
      body: { status },
    });
  }

  async #requests(): Promise<Requests> {
    return (await this.#control('GET', '/requests')) as Requests;
  }

  #control(method: string, path: string, body?: object): Promise<unknown> {
    const withBody = method === 'GET' ? {} : { body: body ?? {} };
    return this.#ask(`${this.program.url}/local${path}`, { method, ...withBody });
  }

  async #ask(url: string, options: Parameters<typeof call>[1]): Promise<unknown> {
    const { status, json, text } = await call(url, options);
    if (status !== 200) throw new Error(`local-stytch answered ${status} to ${url}: ${text}`);
    return json;
  }
}
