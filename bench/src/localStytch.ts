import type { Processes, Running } from './processes';
import { program } from './recipes';

/** The Stytch emulator that all servers of the benchmark call, and its admin API. */
export class LocalStytch {
  readonly #running: Running;

  private constructor(running: Running) {
    this.#running = running;
  }

  static async start(processes: Processes): Promise<LocalStytch> {
    return new LocalStytch(await processes.start(program('local-stytch')));
  }

  /** The environment variables that make a service use it. */
  get seed(): Running['seed'] {
    return this.#running.seed;
  }

  /** An access token with scope `read:users`, from the token endpoint. */
  async accessToken(): Promise<string> {
    const { STYTCH_PROJECT_ID = '', CLIENT_ID = '', CLIENT_SECRET = '' } = this.seed;
    const answer = await this.#call('POST', `/v1/public/${STYTCH_PROJECT_ID}/oauth2/token`, {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      grant_type: 'client_credentials',
    });
    return (answer as { access_token: string }).access_token;
  }

  async setTokenLifetime(seconds: number): Promise<void> {
    await this.#call('POST', '/local/token-lifetime', { seconds });
  }

  /** Delays the token endpoint until `clearFaults`. */
  async delayTokens(milliseconds: number): Promise<void> {
    await this.#call('POST', '/local/faults', { path: '/v1/public/*', kind: 'delay', milliseconds });
  }

  async clearFaults(): Promise<void> {
    await this.#call('DELETE', '/local/faults', {});
  }

  /** The number of requests to the token endpoint since the last `forgetRequests`. */
  async tokenRequests(): Promise<number> {
    const { counts } = (await this.#call('GET', '/local/requests')) as { counts: { token: number } };
    return counts.token;
  }

  async forgetRequests(): Promise<void> {
    await this.#call('DELETE', '/local/requests', {});
  }

  async #call(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${this.#running.url}${path}`, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    });
    if (!answer.ok) throw new Error(`local-stytch answered ${answer.status} to ${method} ${path}`);
    return answer.json();
  }
}
