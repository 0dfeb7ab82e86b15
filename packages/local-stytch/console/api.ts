import { signal } from '@preact/signals';
import type {
  CallResult,
  ConsoleInfo,
  ExplainedToken,
  ListedClient,
  ListedFault,
  ListedToken,
  LocalState,
  RequestDetails,
  ServiceCall,
} from '../src/consoleApi';
import type { LoggedRequest } from '../src/requestLog';
import type { Span, TraceSummary } from '../src/traces';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** local-stytch refused a call. The message is its `error_message`. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  /** @param status 0: there was no answer. */
  constructor(
    readonly status: number,
    readonly errorType: string,
    message: string,
  ) {
    super(message);
  }
}

/** Whether the admin API has asked for its token. */
export const hasAdminToken = signal(false);
/** Whether the page has to ask for the admin token now. */
export const signedOut = signal(false);

/** @throws ApiError if there is no answer, or no successful one. */
export function get<Answer>(path: string): Promise<Answer> {
  return send<Answer>('GET', path);
}

/**
 * Calls local-stytch.
 *
 * @param body sent as JSON.
 * @throws ApiError if there is no answer, or no successful one.
 */
export async function send<Answer>(method: Method, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(path, {
    method,
    ...(method !== 'GET' && {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body ?? {}),
    }),
  }).catch(() => {
    throw new ApiError(0, 'no_answer', 'local-stytch does not answer. Does it still run?');
  });
  const answer: unknown = await response.json().catch(() => ({}));
  if (response.ok) return answer as Answer;
  if (response.status === 401) {
    hasAdminToken.value = true;
    signedOut.value = true;
  }
  const { error_type: type, error_message: message } = answer as Record<string, unknown>;
  throw new ApiError(
    response.status,
    typeof type === 'string' ? type : '',
    typeof message === 'string' ? message : `local-stytch answered ${response.status}.`,
  );
}

/** A message for the user. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const segment = encodeURIComponent;
const clientPath = (id: string) => `/local/clients/${segment(id)}`;

/** What can be set of a client. */
export type ClientFields = Partial<
  Pick<ListedClient, 'client_name' | 'client_description' | 'status' | 'scopes' | 'trusted_metadata'>
>;
/** A client as Stytch's API describes it: without the secret, but for the answer that creates it. */
export interface AnsweredClient {
  m2m_client: Omit<ListedClient, 'client_secret_last_four' | 'next_client_secret_last_four'> & {
    client_secret?: string;
    next_client_secret?: string;
  };
}
/** The body of `POST /local/tokens`. */
export interface MintRequest {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  sign_with?: 'current' | 'unknown';
}
export type NewFault = Omit<ListedFault, 'id' | 'hits' | 'remaining'>;

/** Each route that the page uses. */
export const api = {
  info: () => get<ConsoleInfo>('/local/console'),
  state: () => get<LocalState>('/local/health'),
  signIn: (token: string) => send<object>('POST', '/local/session', { token }),
  reset: () => send<LocalState>('POST', '/local/reset'),
  call: (call: ServiceCall) => send<CallResult>('POST', '/local/calls', call),

  requests: () => get<{ requests: LoggedRequest[] }>('/local/requests'),
  request: (id: number) => get<RequestDetails>(`/local/requests/${id}`),
  clearRequests: () => send<object>('DELETE', '/local/requests'),

  traces: () => get<{ traces: TraceSummary[] }>('/local/traces'),
  trace: (id: string) => get<{ trace: TraceSummary; spans: Span[] }>(`/local/traces/${segment(id)}`),

  clients: () => get<{ m2m_clients: ListedClient[] }>('/local/clients'),
  createClient: (fields: ClientFields) => send<AnsweredClient>('POST', '/local/clients', fields),
  updateClient: (id: string, fields: ClientFields) => send<AnsweredClient>('PUT', clientPath(id), fields),
  deleteClient: (id: string) => send<object>('DELETE', clientPath(id)),
  startRotation: (id: string) => send<AnsweredClient>('POST', `${clientPath(id)}/secrets/rotate/start`),
  completeRotation: (id: string) => send<AnsweredClient>('POST', `${clientPath(id)}/secrets/rotate`),
  cancelRotation: (id: string) => send<AnsweredClient>('POST', `${clientPath(id)}/secrets/rotate/cancel`),

  tokens: () => get<{ tokens: ListedToken[] }>('/local/tokens'),
  token: (id: number) => get<ExplainedToken>(`/local/tokens/${id}`),
  explainToken: (token: string, requiredScopes?: string[]) =>
    send<ExplainedToken>('POST', '/local/tokens/explain', {
      token,
      ...(requiredScopes && { required_scopes: requiredScopes }),
    }),
  mintToken: (wanted: MintRequest) => send<{ access_token: string }>('POST', '/local/tokens', wanted),

  faults: () => get<{ faults: ListedFault[] }>('/local/faults'),
  addFault: (fault: NewFault) => send<object>('POST', '/local/faults', fault),
  deleteFault: (id: number) => send<object>('DELETE', `/local/faults/${id}`),
  deleteFaults: () => send<object>('DELETE', '/local/faults'),
  setClock: (offsetSeconds: number) =>
    send<LocalState>('POST', '/local/clock', { offset_seconds: offsetSeconds }),
  setTokenLifetime: (seconds: number) => send<LocalState>('POST', '/local/token-lifetime', { seconds }),
  rotateKeys: (keepPrevious: boolean) =>
    send<LocalState>('POST', '/local/signing-keys/rotate', { keep_previous: keepPrevious }),
  retireKeys: () => send<LocalState>('POST', '/local/signing-keys/retire'),
};
