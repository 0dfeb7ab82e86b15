import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { type AdminAccess, createAdminAccess } from './access';
import { nothing, parse, queryParameter, read, write } from './adminRoute';
import { readClaimsTemplate } from './claimsTemplate';
import { callService } from './console/calls';
import { callSchema } from './console/callSchema';
import { addClientRoutes } from './console/clientRoutes';
import type { Events } from './console/events';
import { type ConsoleContent, ownName } from './console/services';
import { addTokenRoutes } from './console/tokenRoutes';
import type { ConsoleInfo } from './consoleApi';
import { InvalidAdminRequestError, TransportError } from './errors';
import { type Faults, faultSchema } from './faults';
import { answer, jsonBody, largeJsonBody, operation, route, routeNotFound } from './http';
import { describeState } from './localState';
import { readSpans, tracesSchema } from './otlp';
import type { RequestLog } from './requestLog';
import { changeSettings, resetState, type State } from './state';
import type { TraceStore } from './traces';
import { readVersion } from './version';

const sessionSchema = z.strictObject({ token: z.string().default('') });
const rotateSchema = z.strictObject({ keep_previous: z.boolean().default(true) });
const clockSchema = z.strictObject({ offset_seconds: z.number().min(-1e9).max(1e9) });
const lifetimeSchema = z.strictObject({ seconds: z.int().min(1).max(86_400) });
const projectSchema = z.strictObject({
  issuer: z.enum(['project', 'base_url']).optional(),
  search_totals: z.boolean().optional(),
  claims_template: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
});

/** What the admin API controls. */
export interface Controlled {
  state: State;
  faults: Faults;
  requests: RequestLog;
  traces: TraceStore;
  /** Sends what has changed to the open pages. */
  events: Events;
  /** What the page can call and try. */
  content: ConsoleContent;
}

/**
 * The emulator's admin API, under `/local/`. Stytch has nothing like it. Faults do not affect it.
 *
 * @param adminToken the token that all routes but `/health` and `/session` require. Undefined: none.
 */
export function createAdminApi(controlled: Controlled, adminToken: string | undefined): Router {
  const { state, faults, requests, traces, events } = controlled;
  const router = Router({ caseSensitive: true, strict: true });
  const listen: RequestHandler<unknown> = (request, response) => {
    events.listen(request, response);
  };
  const access = adminToken === undefined ? undefined : createAdminAccess(adminToken);

  route(router, '/health', { get: read(() => ({ status: 'ok', ...describeState(state) })) });
  route(router, '/session', { post: [jsonBody, openSession(access)] });
  if (access) router.use(access.require);
  route(router, '/console', { get: read(() => describeConsole(controlled)) });
  route(router, '/events', { get: [listen] });
  route(router, '/calls', { post: write(callSchema, (call) => callService(controlled, call)) });
  addClientRoutes(router, state);
  addTokenRoutes(router, state);
  route(router, '/requests', {
    get: read(() => requests.describe()),
    delete: write(nothing, () => {
      requests.clear();
      return {};
    }),
  });
  route<{ requestId: string }>(router, '/requests/:requestId', {
    get: read(({ params }) => found(requests.details(Number(params.requestId)), 'requestNotFound')),
  });
  route(router, '/v1/traces', {
    post: [
      largeJsonBody,
      operation((request) => {
        traces.add(readSpans(parse(tracesSchema, request.body)));
        return {};
      }),
    ],
  });
  route(router, '/traces', {
    get: read((request) => ({ traces: traces.list(queryParameter(request, 'service')) })),
  });
  route<{ traceId: string }>(router, '/traces/:traceId', {
    get: read(({ params }) => found(traces.get(params.traceId.toLowerCase()), 'traceNotFound')),
  });
  route(router, '/reset', {
    post: write(nothing, () => {
      reset(controlled);
      return describeState(state);
    }),
  });
  route(router, '/faults', {
    get: read(() => ({ faults: faults.list() })),
    post: write(faultSchema, (fault) => ({ fault: faults.add(fault) })),
    delete: write(nothing, () => {
      faults.clear();
      return { faults: [] };
    }),
  });
  route<{ faultId: string }>(router, '/faults/:faultId', {
    delete: write(nothing, (_body, { faultId }: { faultId: string }) => {
      if (!faults.removeById(Number(faultId))) throw new TransportError(404, 'faultNotFound');
      return { faults: faults.list() };
    }),
  });
  route(router, '/signing-keys/rotate', {
    post: write(rotateSchema, async ({ keep_previous }) => {
      await state.keys.rotate(keep_previous);
      return describeState(state);
    }),
  });
  route(router, '/signing-keys/retire', {
    post: write(nothing, () => {
      state.keys.retirePrevious();
      return describeState(state);
    }),
  });
  route(router, '/clock', {
    post: write(clockSchema, ({ offset_seconds }) => {
      state.clock.offsetSeconds = offset_seconds;
      return describeState(state);
    }),
  });
  route(router, '/token-lifetime', {
    post: write(lifetimeSchema, ({ seconds }) => {
      changeSettings(state, { tokenLifetimeSeconds: seconds });
      return describeState(state);
    }),
  });
  route(router, '/project', {
    post: write(projectSchema, (change) => {
      changeProject(state, change);
      return describeState(state);
    }),
  });
  router.use(routeNotFound);
  return router;
}

/** Restores the state of the start, removes all faults, empties the request log and drops the traces. */
export function reset({ state, faults, requests, traces }: Controlled): void {
  resetState(state);
  faults.clear();
  requests.clear();
  traces.clear();
}

/** Gives the page a cookie for the token, if the admin API requires one. */
function openSession(access: AdminAccess | undefined): RequestHandler {
  return (request, response) => {
    const { token } = parse(sessionSchema, request.body);
    if (access) response.set('Set-Cookie', access.openSession(token, request));
    answer(response, {});
  };
}

function describeConsole({ state, content }: Controlled): ConsoleInfo {
  return {
    project_id: state.projectId,
    base_url: state.baseUrl,
    version: readVersion(),
    services: content.services.filter(({ name }) => name !== ownName).map(({ name, url }) => ({ name, url })),
    scenarios: [...content.scenarios],
  };
}

function found<Value extends object>(
  value: Value | undefined,
  otherwise: 'requestNotFound' | 'traceNotFound',
): Value {
  if (!value) throw new TransportError(404, otherwise);
  return value;
}

function changeProject(state: State, change: z.infer<typeof projectSchema>): void {
  const { issuer, search_totals: searchTotals, claims_template: template } = change;
  changeSettings(state, {
    ...(issuer !== undefined && { issuer }),
    ...(searchTotals !== undefined && { searchTotals }),
    ...(template !== undefined && {
      claimsTemplate: template === null ? undefined : readTemplate(template),
    }),
  });
}

function readTemplate(template: string | Record<string, unknown>) {
  try {
    return readClaimsTemplate(template);
  } catch (error) {
    throw new InvalidAdminRequestError(`claims_template: ${(error as Error).message}`);
  }
}
