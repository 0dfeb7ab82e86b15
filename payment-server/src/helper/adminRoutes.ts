import { type ErrorRequestHandler, type RequestHandler, Router } from 'express';
import { jsonBody, route } from 'service-kit';
import { AuthorizationError, type Authorizer, callStytch } from 'stytch-m2m';
import { readClientId, readCreate, readSearch, readUpdate } from './adminRequests';
import { limitRate } from './rateLimit';
import type { Stytch } from './stytch';

/** How long each call to Stytch may take, in milliseconds. */
const deadlineMilliseconds = 5_000;

export interface AdminDependencies {
  stytch: {
    client: { m2m: Pick<Stytch['client']['m2m'], 'clients'> };
    rotation: Pick<Stytch['rotation'], 'start' | 'complete' | 'cancel' | 'rotate' | 'status'>;
    secretIsStored: boolean;
  };
  authorizer: Pick<Authorizer, 'authorizeToken'>;
  /** One line that says how to get a token for these routes; told to whoever comes without. */
  howToGetToken: string;
  /** How many requests one address may make in a minute. Default 120. */
  requestsPerMinute?: number;
}

const mustBeStored =
  'The new secret is kept in memory only: store it in CLIENT_SECRET before this server is restarted';

/** Answers that hold a secret are kept by no cache. */
const noStore: RequestHandler = (_request, response, next) => {
  response.set('Cache-Control', 'no-store');
  next();
};

/** The administration of M2M clients. Every route takes a Bearer token with scope `manage:m2m_clients`. */
export function createAdminRoutes(dependencies: AdminDependencies): Router {
  const { stytch, authorizer, howToGetToken, requestsPerMinute = 120 } = dependencies;
  const router = Router();
  const operator = [limitRate(requestsPerMinute), authorizer.authorizeToken('manage:m2m_clients')];
  const { clients } = stytch.client.m2m;
  const call = <Result>(work: () => Promise<Result>) => callStytch(work, deadlineMilliseconds);

  route(router, '/search-m2m-client', {
    get: [
      ...operator,
      async (request, response) => {
        const search = readSearch(request.query);
        response.json({ search_Result: await call(() => clients.search(search)) });
      },
    ],
  });

  route(router, '/create-m2m-client', {
    post: [
      ...operator,
      jsonBody,
      noStore,
      async (request, response) => {
        const client = readCreate(request.body);
        response.json({ created_m2mClient: await call(() => clients.create(client)) });
      },
    ],
  });

  route(router, '/get-m2m-client/:clientId', {
    get: [
      ...operator,
      async (request, response) => {
        const client_id = readClientId(request.params);
        response.json({ m2mClient: await call(() => clients.get({ client_id })) });
      },
    ],
  });

  route(router, '/update-m2m-client/:clientId', {
    put: [
      ...operator,
      jsonBody,
      async (request, response) => {
        const client_id = readClientId(request.params);
        const changes = readUpdate(request.body);
        response.json({ updated_m2mClient: await call(() => clients.update({ client_id, ...changes })) });
      },
    ],
  });

  route(router, '/delete-m2m-client/:clientId', {
    delete: [
      ...operator,
      async (request, response) => {
        const client_id = readClientId(request.params);
        response.json({ deleted_m2mClient: await call(() => clients.delete({ client_id })) });
      },
    ],
  });

  mountRotation(router, operator, stytch);
  router.use(explainRefusal(howToGetToken));
  return router;
}

/** GET changes something here, as in the article: POST is the better way, and HEAD does nothing. */
function mountRotation(
  router: Router,
  operator: readonly RequestHandler[],
  { rotation, secretIsStored }: AdminDependencies['stytch'],
): void {
  const mount = (path: string, handler: RequestHandler) => {
    route(router, path, { get: [...operator, handler], post: [...operator, handler] }, { head: false });
  };
  mount('/start-secret-rotation', async (_request, response) => {
    const nextSecret = await rotation.start();
    response.set('Cache-Control', 'no-store').json(nextSecret);
  });
  mount('/complete-secret-rotation', async (_request, response) => {
    await rotation.complete();
    const message = 'Secret rotation completed successfully';
    response.json(secretIsStored ? { message } : { message, warning: mustBeStored });
  });
  mount('/cancel-secret-rotation', async (_request, response) => {
    await rotation.cancel();
    response.json({ message: 'Secret rotation cancelled successfully' });
  });
  route(router, '/rotate-client-secret', {
    post: [
      ...operator,
      async (_request, response) => {
        const secret = await rotation.rotate();
        const message = 'Secret rotation completed successfully';
        // Where nothing else keeps it, the answer has to: it would be lost with the next restart.
        response
          .set('Cache-Control', 'no-store')
          .json(secretIsStored ? { message } : { message, client_secret: secret, warning: mustBeStored });
      },
    ],
  });
  route(router, '/rotation-status', {
    get: [
      ...operator,
      async (_request, response) => {
        const status = await rotation.status();
        const lastRotated = status.lastRotatedAt && { last_rotated_at: status.lastRotatedAt };
        if (status.status === 'none') {
          response.json({ status: status.status, ...lastRotated });
          return;
        }
        response.json({
          status: status.status,
          started_at: status.startedAt,
          client_secret_last_four: status.secretLastFour,
          next_client_secret_last_four: status.nextSecretLastFour,
          ...lastRotated,
        });
      },
    ],
  });
}

function explainRefusal(hint: string): ErrorRequestHandler {
  return (error: unknown, _request, _response, next) => {
    const explained = error instanceof AuthorizationError && error.status === 401;
    next(explained ? Object.assign(error, { details: { hint } }) : error);
  };
}
