import type { Program } from '../../tools/src/program';
import { call } from './calls';

/** What local-stytch can be told to do wrong: see its `src/faults.ts`. */
export type Trouble =
  | { kind: 'delay'; milliseconds: number; count?: number }
  | { kind: 'status'; status: number; retry_after_seconds?: number; count?: number }
  | { kind: 'hang' | 'stall' | 'drop' | 'drop_answer' | 'not_json'; count?: number };

interface Requests {
  counts: { token: number; jwks: number };
  requests: { method: string; path: string; status: number | null; at: string }[];
}

/** Local-stytch, by its admin API and, for an M2M client's status, by Stytch's API. */
export class StytchAdmin {
  constructor(readonly program: Program) {}

  /** From now on the token endpoint has this trouble. */
  breakTokens(trouble: Trouble): Promise<unknown> {
    return this.#control('POST', '/faults', { path: '/v1/public/*', ...trouble });
  }

  /** From now on the JWKS has this trouble. */
  breakKeys(trouble: Trouble): Promise<unknown> {
    return this.#control('POST', '/faults', { path: '/v1/sessions/jwks/*', ...trouble });
  }

  /** Ends all troubles. */
  mend(): Promise<unknown> {
    return this.#control('DELETE', '/faults');
  }

  /** As at the start: clients, signing keys, clock, lifetime; no trouble, an empty log. */
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

  /** When the signing keys were asked for, in epoch milliseconds. */
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

  /** A new key signs from now on; the earlier ones stay in the JWKS, or do not. */
  rotateKeys(keepPrevious: boolean): Promise<unknown> {
    return this.#control('POST', '/signing-keys/rotate', { keep_previous: keepPrevious });
  }

  /** An access token as the token endpoint issues it for payment-service, but for what is wanted otherwise. */
  async mint(wanted: object = {}): Promise<string> {
    const answer = await this.#control('POST', '/tokens', wanted);
    return (answer as { access_token: string }).access_token;
  }

  /** Switches the M2M client payment-service on or off. */
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
