import { type Request, type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { requireAdminToken } from './access';
import { readClaimsTemplate } from './claimsTemplate';
import { InvalidAdminRequestError, TransportError } from './errors';
import { type Faults, faultSchema } from './faults';
import { jsonBody, largeJsonBody, operation, route, routeNotFound } from './http';
import { mintSchema, mintToken } from './mintedToken';
import { readSpans, tracesSchema } from './otlp';
import type { RequestLog } from './requestLog';
import { resetState, type State } from './state';
import type { TraceStore } from './traces';

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
}

/**
 * The emulator's admin API, under `/local/`. Stytch has nothing like it. Faults do not affect it.
 *
 * @param adminToken the token that all routes but `/health` require. Undefined: none.
 */
export function createAdminApi(controlled: Controlled, adminToken: string | undefined): Router {
  const { state, faults, requests, traces } = controlled;
  const router = Router({ caseSensitive: true, strict: true });
  const read = (run: () => object): RequestHandler[] => [operation(run)];
  const write = <Schema extends z.ZodType>(
    schema: Schema,
    run: (input: z.infer<Schema>) => object | Promise<object>,
  ): RequestHandler[] => [jsonBody, operation((request) => run(parse(schema, request.body)))];

  route(router, '/health', { get: read(() => ({ status: 'ok', ...describeState(state) })) });
  if (adminToken !== undefined) router.use(requireAdminToken(adminToken));
  route(router, '/requests', {
    get: read(() => requests.describe()),
    delete: write(nothing, () => {
      requests.clear();
      return {};
    }),
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
    get: [operation((request) => ({ traces: traces.list(parameter(request, 'service')) }))],
  });
  route<{ traceId: string }>(router, '/traces/:traceId', {
    get: [
      operation(({ params }) => {
        const found = traces.get(params.traceId.toLowerCase());
        if (!found) throw new TransportError(404, 'traceNotFound');
        return found;
      }),
    ],
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
  route(router, '/tokens', {
    post: write(mintSchema, async (wanted) => ({ access_token: await mintToken(state, wanted) })),
  });
  route(router, '/clock', {
    post: write(clockSchema, ({ offset_seconds }) => {
      state.clock.offsetSeconds = offset_seconds;
      return describeState(state);
    }),
  });
  route(router, '/token-lifetime', {
    post: write(lifetimeSchema, ({ seconds }) => {
      state.settings.tokenLifetimeSeconds = seconds;
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

const nothing = z.strictObject({});

function changeProject({ settings }: State, change: z.infer<typeof projectSchema>): void {
  const { issuer, search_totals: searchTotals, claims_template: template } = change;
  if (typeof template === 'string' || typeof template === 'object') {
    settings.claimsTemplate = template === null ? undefined : readTemplate(template);
  }
  if (issuer !== undefined) settings.issuer = issuer;
  if (searchTotals !== undefined) settings.searchTotals = searchTotals;
}

function readTemplate(template: string | Record<string, unknown>) {
  try {
    return readClaimsTemplate(template);
  } catch (error) {
    throw new InvalidAdminRequestError(`claims_template: ${(error as Error).message}`);
  }
}

function describeState({ projectId, clients, keys, clock, settings }: State) {
  return {
    project_id: projectId,
    clients: clients.size,
    /** The first one signs. */
    signing_keys: keys.published().map(({ kid }) => kid),
    clock_offset_seconds: clock.offsetSeconds,
    token_lifetime_seconds: settings.tokenLifetimeSeconds,
    issuer: settings.issuer,
    search_totals: settings.searchTotals,
    claims_template: settings.claimsTemplate ?? null,
  };
}

function parameter({ url }: Pick<Request, 'url'>, name: string): string | undefined {
  return new URL(url, 'http://localhost').searchParams.get(name) ?? undefined;
}

function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const result = schema.safeParse(body ?? {});
  if (result.success) return result.data;
  const problems = result.error.issues
    .slice(0, 20)
    .map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new InvalidAdminRequestError(problems.join('; '));
}
