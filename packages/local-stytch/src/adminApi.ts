import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { requireAdminToken } from './access';
import { ControlMisuse } from './errors';
import { type Faults, faultSchema } from './faults';
import { jsonBody, operation, route, routeNotFound } from './http';
import { mintSchema, mintToken } from './mintedToken';
import type { RequestLog } from './requestLog';
import { resetState, type State } from './state';

const rotateSchema = z.strictObject({ keep_previous: z.boolean().default(true) });
const clockSchema = z.strictObject({ offset_seconds: z.number().min(-1e9).max(1e9) });
const lifetimeSchema = z.strictObject({ seconds: z.int().min(1).max(86_400) });

interface Controlled {
  state: State;
  faults: Faults;
  requests: RequestLog;
  /** What all but `/health` asks for. */
  adminToken: string | undefined;
}

/** The emulator's admin API, under `/local/`. Stytch has nothing like it. Faults do not affect it. */
export function createAdminApi({ state, faults, requests, adminToken }: Controlled): Router {
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
  route(router, '/reset', {
    post: write(nothing, () => {
      resetState(state);
      faults.clear();
      requests.clear();
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
      state.tokenLifetimeSeconds = seconds;
      return describeState(state);
    }),
  });
  router.use(routeNotFound);
  return router;
}

const nothing = z.strictObject({});

function describeState(state: State) {
  return {
    project_id: state.projectId,
    clients: state.clients.size,
    /** The first one signs. */
    signing_keys: state.keys.published().map(({ kid }) => kid),
    clock_offset_seconds: state.clock.offsetSeconds,
    token_lifetime_seconds: state.tokenLifetimeSeconds,
  };
}

function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const result = schema.safeParse(body ?? {});
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new ControlMisuse(problems.join('; '));
}
