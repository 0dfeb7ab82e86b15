import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import axios, { isAxiosError } from 'axios';
import { certificateFiles, type Owner } from './certs';
import type { Program } from './program';
import type { Stack } from './stack';

/** The status and body of an answer. */
interface Outcome {
  status: number;
  data: unknown;
}

/** Creates an agent that trusts the CA, with the client certificate of an owner if there is one. Undefined over HTTP. */
type Identities = ((owner?: Owner) => Agent) | undefined;

async function call(
  method: string,
  url: string,
  options: { token?: string | undefined; data?: unknown; agent?: Agent | undefined } = {},
): Promise<Outcome> {
  const { status, data } = await axios.request<unknown>({
    method,
    url,
    data: options.data,
    ...(options.agent && { httpsAgent: options.agent }),
    headers: options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` },
    timeout: 15_000,
    proxy: false,
    validateStatus: () => true,
  });
  return { status, data };
}

/** A field of a JSON body, by its path. */
function field(data: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], data);
}

/** The steps of the demo, on a running stack. */
export class Scenario {
  readonly #payment: string;
  readonly #wallet: string;
  readonly #stytch: Program;
  #operatorToken = '';
  readonly #identities: Identities;
  #clientSecret: string;

  /** @param mtls the folder with the certificates, if the stack uses mutual TLS. */
  constructor({ payment, wallet }: Stack, localStytch: Program, mtls?: string) {
    this.#identities = mtls === undefined ? undefined : identitiesOf(mtls);
    this.#payment = payment.url;
    this.#wallet = wallet.url;
    this.#stytch = localStytch;
    this.#clientSecret = localStytch.seed.CLIENT_SECRET ?? '';
  }

  async pay(): Promise<string> {
    const agent = this.#identities?.('operator');
    const { status, data } = await call('GET', `${this.#payment}/initiate-payment`, { agent });
    return `${status} ${status === 200 ? JSON.stringify(data) : String(field(data, 'code'))}`;
  }

  async payWithoutCertificate(): Promise<string> {
    const agent = this.#identities?.();
    return call('GET', `${this.#payment}/initiate-payment`, { agent }).then(
      ({ status }) => String(status),
      (error: unknown) => {
        // In TLS 1.3 a client may send its request before it learns that the server refuses it.
        if (isAxiosError(error) && /^(ECONNRESET|EPIPE|ERR_SSL_)/.test(error.code ?? ''))
          return 'no connection';
        throw error;
      },
    );
  }

  async readWallet(token?: string, as: Owner = 'payment-server'): Promise<string> {
    const { status, data } = await call('POST', `${this.#wallet}/api/check-balance`, {
      token,
      data: { customerId: '67uhjio098uhgt6l' },
      agent: this.#identities?.(as),
    });
    return `${status} ${String(field(data, 'code') ?? field(data, 'customerName'))}`;
  }

  async readWalletWithValidToken(as: Owner): Promise<string> {
    const { CLIENT_ID } = this.#stytch.seed;
    const { data } = await this.tokenFor(CLIENT_ID, this.#clientSecret);
    return this.readWallet(String(field(data, 'access_token')), as);
  }

  async tokenFor(clientId: string | undefined, clientSecret: string | undefined): Promise<Outcome> {
    return call(
      'POST',
      `${this.#stytch.url}/v1/public/${this.#stytch.seed.STYTCH_PROJECT_ID ?? ''}/oauth2/token`,
      {
        data: { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret },
        agent: this.#identities?.(),
      },
    );
  }

  async operatorSignsIn(): Promise<string> {
    const { OPERATOR_CLIENT_ID, OPERATOR_CLIENT_SECRET } = this.#stytch.seed;
    const { status, data } = await this.tokenFor(OPERATOR_CLIENT_ID, OPERATOR_CLIENT_SECRET);
    this.#operatorToken = String(field(data, 'access_token'));
    return `${status} ${String(field(data, 'token_type'))}`;
  }

  readWalletAsOperator(): Promise<string> {
    return this.readWallet(this.#operatorToken);
  }

  async newToken(secret: 'current' | 'old'): Promise<string> {
    const { CLIENT_ID, CLIENT_SECRET } = this.#stytch.seed;
    const { status, data } = await this.tokenFor(
      CLIENT_ID,
      secret === 'old' ? CLIENT_SECRET : this.#clientSecret,
    );
    return `${status} ${String(field(data, 'token_type') ?? field(data, 'error'))}`;
  }

  async searchWithoutToken(): Promise<string> {
    const agent = this.#identities?.('operator');
    const { status } = await call('GET', `${this.#payment}/search-m2m-client`, { agent });
    return String(status);
  }

  async search(): Promise<string> {
    const { status, data } = await this.#asOperator('GET', '/search-m2m-client');
    const clients = field(data, 'search_Result', 'm2m_clients');
    const names = Array.isArray(clients)
      ? clients.map((client) => field(client, 'client_name')).join(', ')
      : '';
    return `${status} ${names}`;
  }

  async startRotation(): Promise<string> {
    const { status, data } = await this.#asOperator('POST', '/start-secret-rotation');
    if (typeof data !== 'string') return `${status} no secret`;
    const isNew = data !== this.#clientSecret;
    this.#clientSecret = data;
    return `${status} ${isNew ? 'a new secret' : 'the old secret'}`;
  }

  async completeRotation(): Promise<string> {
    const { status, data } = await this.#asOperator('POST', '/complete-secret-rotation');
    return `${status} ${String(field(data, 'message'))}`;
  }

  async setStatus(wanted: 'active' | 'inactive'): Promise<string> {
    const path = `/update-m2m-client/${this.#stytch.seed.CLIENT_ID ?? ''}`;
    const { status, data } = await this.#asOperator('PUT', path, { status: wanted });
    return `${status} ${String(field(data, 'updated_m2mClient', 'm2m_client', 'status'))}`;
  }

  #asOperator(method: string, path: string, data?: unknown): Promise<Outcome> {
    const agent = this.#identities?.('operator');
    return call(method, `${this.#payment}${path}`, { token: this.#operatorToken, data, agent });
  }
}

function identitiesOf(folder: string): NonNullable<Identities> {
  return (owner) => {
    const { ca, certificate, key } = certificateFiles(folder, owner ?? 'operator');
    const own = owner && { cert: readFileSync(certificate), key: readFileSync(key) };
    return new Agent({ ca: readFileSync(ca), ...own });
  };
}
