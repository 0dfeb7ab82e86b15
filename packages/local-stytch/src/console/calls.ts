import { randomBytes } from 'node:crypto';
import { preciseTime } from 'service-kit';
import type { Controlled } from '../adminApi';
import type { CallResult, CallToken, ServiceCall } from '../consoleApi';
import { InvalidAdminRequestError, OAuthError } from '../errors';
import { cut, lastFour, maskHeaders, maskJson, maskLooseText } from '../mask';
import { mintToken } from '../mintedToken';
import type { State } from '../state';
import { grantToken } from '../token';
import { round } from '../traces';
import { type ServiceAnswer, sendToService } from './serviceRequest';
import { ownName, type Service } from './services';

const maxBodyCharacters = 16_000;

/**
 * Calls a service for the page, and adds the span of the caller to the traces. A service that does not answer is a
 * result too.
 *
 * @throws InvalidAdminRequestError when there is no such service or client.
 */
export async function callService(controlled: Controlled, call: ServiceCall): Promise<CallResult> {
  const service = findService(controlled, call);
  const accessToken = call.token && (await makeToken(controlled.state, call.token));
  const body = call.body === undefined ? undefined : JSON.stringify(call.body);
  const trace_id = call.trace_id ?? randomBytes(16).toString('hex');
  const spanId = randomBytes(8).toString('hex');
  const start = preciseTime();
  const { answer, failure } = await sendToService(service, {
    method: call.method,
    path: call.path,
    headers: {
      accept: 'application/json',
      traceparent: `00-${trace_id}-${spanId}-01`,
      ...(accessToken !== undefined && { authorization: `Bearer ${accessToken}` }),
      ...(body !== undefined && {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
      }),
    },
    body,
  }).then(
    (received) => ({ answer: received, failure: null }),
    (error: unknown) => ({ answer: null, failure: describeFailure(error as Error) }),
  );
  const duration_milliseconds = round(preciseTime() - start);
  const path = call.path.replace(/\?.*$/s, '');
  const status = answer?.status ?? null;
  controlled.traces.add([
    {
      trace_id,
      span_id: spanId,
      parent_span_id: null,
      service: 'caller',
      name: cut(`${call.method} ${path}`, 256),
      kind: 'client',
      start_milliseconds: round(start),
      duration_milliseconds,
      attributes: {
        'http.request.method': call.method,
        'peer.service': service.name,
        ...(status !== null && { 'http.response.status_code': status }),
      },
      status: { code: status === null || status >= 500 ? 'error' : 'unset', message: failure },
    },
  ]);
  const result = { trace_id, status, error: failure, duration_milliseconds };
  return answer
    ? { ...result, headers: maskHeaders(answer.headers), body: maskBody(answer) }
    : { ...result, headers: {}, body: '' };
}

function findService({ state, content }: Controlled, { service: name, path }: ServiceCall): Service {
  if (name === ownName && !path.startsWith('/v1/')) {
    throw new InvalidAdminRequestError(`path: that of a call to ${ownName} must begin with /v1/`);
  }
  const found = content.services.find((service) => service.name === name);
  if (found) return found;
  if (name === ownName) return { name, url: state.baseUrl };
  throw new InvalidAdminRequestError(`service: there is none with the name ${JSON.stringify(cut(name, 64))}`);
}

async function makeToken(state: State, wanted: CallToken): Promise<string> {
  if (wanted.kind === 'text') return wanted.text;
  if (wanted.kind === 'minted') return mintToken(state, wanted);
  const client = state.clients.get(wanted.client_id);
  if (client?.status !== 'active') {
    throw new InvalidAdminRequestError('token.client_id: there is no active client with this id');
  }
  try {
    return (await grantToken(state, client, wanted.scope)).answer.access_token;
  } catch (error) {
    throw error instanceof OAuthError ? new InvalidAdminRequestError(`token.scope: ${error.message}`) : error;
  }
}

function describeFailure(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return 'The service does not listen. Does it run?';
  return cut(error.message || code || error.name, 500);
}

function maskBody({ body }: ServiceAnswer): string {
  try {
    const value: unknown = JSON.parse(body);
    // A secret alone, as an answer to the start of a rotation.
    if (typeof value === 'string' && /^\S{16,}$/.test(value)) return JSON.stringify(lastFour(value));
    return maskJson(value, maxBodyCharacters);
  } catch {
    return cut(maskLooseText(body.slice(0, maxBodyCharacters + 1)), maxBodyCharacters);
  }
}
