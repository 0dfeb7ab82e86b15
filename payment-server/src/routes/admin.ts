import { type ErrorRequestHandler, type Request, type RequestHandler, Router } from 'express';
import { inSpan, jsonBody, type Logger, type Methods, route } from 'service-kit';
import { AuthorizationError, type Authorizer, callStytch } from 'stytch-m2m';
import { audit, type AuditedAction } from '../admin/audit';
import { readClientId, readCreate, readSearch, readUpdate } from '../admin/clientRequests';
import { limitRate } from '../admin/rateLimit';
import type { Stytch } from '../helper/stytch';

/** How long each call to Stytch may take, in milliseconds. */
const timeoutMilliseconds = 5_000;

export interface AdminDependencies {
  /** Gets an audit line for each change. */
  logger: Logger;
  stytch: Pick<Stytch, 'clientId' | 'secretIsStored'> & {
    client: { m2m: Pick<Stytch['client']['m2m'], 'clients'> };
    rotation: Pick<Stytch['rotation'], 'start' | 'complete' | 'cancel' | 'rotate' | 'status'>;
  };
  authorizer: Pick<Authorizer, 'authorizeToken'>;
  /** How to get a token for these routes: part of each 401. */
  hint: string;
  /** How many requests a minute one operator may make, and one address that is refused. Default 120. */
  requestsPerMinute?: number;
  /** The maximum age of an operator's access token: a deactivated operator loses access after it. Seconds, default 300. */
  maxTokenAgeSeconds?: number;
}

const completed = 'Secret rotation completed successfully';
const warning =
  'The new secret is kept in memory only: store it in CLIENT_SECRET before this server is restarted';

/** The admin routes, for M2M clients and the secret. Every one needs a Bearer token with scope `manage:m2m_clients`. */
export function createAdminRoutes({ authorizer, ...dependencies }: AdminDependencies): Router {
  const { requestsPerMinute = 120, maxTokenAgeSeconds = 300 } = dependencies;
  const router = Router();
  const authorize = authorizer.authorizeToken('manage:m2m_clients', { maxTokenAgeSeconds });
  const operator = limitRate(authorize, requestsPerMinute);
  const mount: Mount = (path, methods, options) => {
    const guarded = Object.entries(methods).map(([method, handlers]) => [
      method,
      [operator, handlers].flat(),
    ]);
    route(router, path, Object.fromEntries(guarded) as Methods, options);
  };
  mountClients(mount, dependencies);
  mountRotation(mount, dependencies);
  router.use(addHint(dependencies.hint));
  return router;
}

type Mount = (path: string, methods: Methods, options?: { head?: boolean }) => void;
type Dependencies = Pick<AdminDependencies, 'stytch' | 'logger'>;

function mountClients(mount: Mount, { stytch, logger }: Dependencies): void {
  const { clients } = stytch.client.m2m;
  const call = <Result>({ span: parent }: Request, name: string, work: () => Promise<Result>) =>
    inSpan(parent, name, 'client', (span) => callStytch(work, timeoutMilliseconds, { context: span }));

  mount('/search-m2m-client', {
    get: async (request, response) => {
      const search = readSearch(request.query);
      response.json({ search_Result: await call(request, 'clients.search', () => clients.search(search)) });
    },
  });

  mount('/create-m2m-client', {
    post: [
      jsonBody,
      noStore,
      async (request, response) => {
        const client = readCreate(request.body);
        const create = () => call(request, 'clients.create', () => clients.create(client));
        const change = { action: 'create_client' } as const;
        response.json({ created_m2mClient: await audit(logger, request, change, create) });
      },
    ],
  });

  mount('/get-m2m-client/:clientId', {
    get: async (request, response) => {
      const client_id = readClientId(request.params);
      response.json({ m2mClient: await call(request, 'clients.get', () => clients.get({ client_id })) });
    },
  });

  mount('/update-m2m-client/:clientId', {
    put: [
      jsonBody,
      async (request, response) => {
        const client_id = readClientId(request.params);
        const changes = readUpdate(request.body);
        const update = () => call(request, 'clients.update', () => clients.update({ client_id, ...changes }));
        const fields = Object.keys(changes).sort();
        const change = { action: 'update_client', clientId: client_id, fields } as const;
        response.json({ updated_m2mClient: await audit(logger, request, change, update) });
      },
    ],
  });

  mount('/delete-m2m-client/:clientId', {
    delete: async (request, response) => {
      const client_id = readClientId(request.params);
      const remove = () => call(request, 'clients.delete', () => clients.delete({ client_id }));
      const change = { action: 'delete_client', clientId: client_id } as const;
      response.json({ deleted_m2mClient: await audit(logger, request, change, remove) });
    },
  });
}

function mountRotation(mount: Mount, { stytch, logger }: Dependencies): void {
  const { clientId, rotation, secretIsStored } = stytch;
  const audited = <Result>(
    action: AuditedAction,
    request: Parameters<RequestHandler>[0],
    work: () => Promise<Result>,
  ) => audit(logger, request, { action, clientId }, work);

  /** As in the article, GET changes something here. POST is the better way, and HEAD does nothing. */
  const mountStep = (path: string, handler: RequestHandler) => {
    mount(path, { get: handler, post: handler }, { head: false });
  };
  mountStep('/start-secret-rotation', async (request, response) => {
    const nextSecret = await audited('start_secret_rotation', request, () =>
      rotation.start({ context: request.span }),
    );
    response.set('Cache-Control', 'no-store').json(nextSecret);
  });
  mountStep('/complete-secret-rotation', async (request, response) => {
    await audited('complete_secret_rotation', request, () => rotation.complete({ context: request.span }));
    response.json({ message: completed, ...(!secretIsStored && { warning }) });
  });
  mountStep('/cancel-secret-rotation', async (request, response) => {
    await audited('cancel_secret_rotation', request, () => rotation.cancel({ context: request.span }));
    response.json({ message: 'Secret rotation cancelled successfully' });
  });

  mount('/rotate-client-secret', {
    post: async (request, response) => {
      const secret = await audited('rotate_client_secret', request, () =>
        rotation.rotate({ context: request.span }),
      );
      // Where nothing stores the secret, the answer has to hold it: a restart would lose it.
      response
        .set('Cache-Control', 'no-store')
        .json({ message: completed, ...(!secretIsStored && { client_secret: secret, warning }) });
    },
  });

  mount('/rotation-status', {
    get: async (_request, response) => {
      const { lastRotatedAt, ...status } = await rotation.status();
      response.json({
        status: status.status,
        ...(status.status === 'started' && {
          started_at: status.startedAt,
          client_secret_last_four: status.secretLastFour,
          next_client_secret_last_four: status.nextSecretLastFour,
        }),
        ...(lastRotatedAt && { last_rotated_at: lastRotatedAt }),
      });
    },
  });
}

/** No cache stores an answer that holds a secret. */
const noStore: RequestHandler = (_request, response, next) => {
  response.set('Cache-Control', 'no-store');
  next();
};

function addHint(hint: string): ErrorRequestHandler {
  return (error: unknown, _request, _response, next) => {
    const unauthorized = error instanceof AuthorizationError && error.status === 401;
    next(unauthorized ? Object.assign(error, { details: { hint } }) : error);
  };
}
