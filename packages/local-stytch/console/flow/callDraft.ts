import type { CallToken, ConsoleInfo, ListedClient, ServiceCall } from '../../src/consoleApi';

export const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** What is in the fields of the form. An empty service or client is the first one, and an empty path a usual one. */
export const emptyDraft = {
  service: '',
  method: 'GET',
  path: '',
  body: '',
  token: 'none',
  client: '',
  scope: '',
  text: '',
};
export type CallDraft = typeof emptyDraft;

/** What is wrong, by field. */
export type CallErrors = Partial<Record<keyof CallDraft, string>>;

/** What the page knows of this local-stytch. */
export interface Known {
  info: ConsoleInfo | null;
  clients: readonly ListedClient[];
}

/** The services that the form offers. */
export function servicesOf({ info }: Known): string[] {
  return [...(info?.services ?? []).map(({ name }) => name), 'local-stytch'];
}

/** Fills in what is empty. */
export function complete(draft: CallDraft, known: Known): CallDraft {
  const service = draft.service || (servicesOf(known)[0] ?? '');
  const usualPath = service === 'local-stytch' ? `/v1/sessions/jwks/${known.info?.project_id ?? ''}` : '/';
  const client = draft.client || (known.clients[0]?.client_id ?? '');
  return { ...draft, service, path: draft.path || usualPath, client };
}

/** Turns a complete draft into a call, or into errors. */
export function readCall(draft: CallDraft): { call: ServiceCall } | { errors: CallErrors } {
  const { service, path, body, token, client } = draft;
  if (!/^\/(?![/\\])/.test(path)) return { errors: { path: 'A path begins with one slash.' } };
  if (token === 'client' && client === '') {
    return { errors: { client: 'There is no client. Create one in the tab Clients.' } };
  }
  const method = methods.find((name) => name === draft.method) ?? 'GET';
  const accessToken = readToken(draft);
  const call: ServiceCall = { service, method, path, ...(accessToken && { token: accessToken }) };
  if (method === 'GET' || body.trim() === '') return { call };
  try {
    return { call: { ...call, body: JSON.parse(body) as unknown } };
  } catch (error) {
    return { errors: { body: `Not JSON: ${(error as Error).message}` } };
  }
}

function readToken({ token, client, scope, text }: CallDraft): CallToken | undefined {
  if (token === 'text') return { kind: 'text', text };
  if (token !== 'client') return undefined;
  return { kind: 'client', client_id: client, ...(scope.trim() !== '' && { scope: scope.trim() }) };
}
