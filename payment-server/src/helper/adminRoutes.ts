import { type ErrorRequestHandler, type RequestHandler, Router } from 'express';
import { jsonBody, type Logger, route } from 'service-kit';
import { AuthorizationError, type Authorizer, callStytch } from 'stytch-m2m';
import { readClientId, readCreate, readSearch, readUpdate } from './adminRequests';
import { type Audit, type Change, createAudit } from './audit';
import { limitRate } from './rateLimit';
import type { Stytch } from './stytch';

/** How long each call to Stytch may take, in milliseconds. */
const timeoutMilliseconds = 5_000;

export interface AdminDependencies {
  /** Gets an audit line for each change. */
  logger: Logger;
  stytch: {
    client: { m2m: Pick<Stytch['client']['m2m'], 'clients'> };
    /** The M2M client whose secret is rotated. */
    clientId: string;
    rotation: Pick<Stytch['rotation'], 'start' | 'complete' | 'cancel' | 'rotate' | 'status'>;
    secretIsStored: boolean;
  };
  authorizer: Pick<Authorizer, 'authorizeToken'>;
  /** One line that says how to get a token for these routes; told to whoever comes without. */
  howToGetToken: string;
  /** How many requests a minute one operator may make, and one address that is refused. Default 120. */
  requestsPerMinute?: number;
  /** How old an operator's access token may be, so that one who is deactivated is soon out. Seconds, default 300. */
  maxTokenAgeSeconds?: number;
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
  const { stytch, authorizer, logger, howToGetToken } = dependencies;
  const { requestsPerMinute = 120, maxTokenAgeSeconds = 300 } = dependencies;
  const router = Router();
  const authorize = authorizer.authorizeToken('manage:m2m_clients', { maxTokenAgeSeconds });
  const operator = limitRate(authorize, requestsPerMinute);
  const audit = createAudit(logger, idOfCreated);
  const { clients } = stytch.client.m2m;
  const call = <Result>(work: () => Promise<Result>) => callStytch(work, timeoutMilliseconds);

  route(router, '/search-m2m-client', {
    get: [
      operator,
      async (request, response) => {
        const search = readSearch(request.query);
        response.json({ search_Result: await call(() => clients.search(search)) });
      },
    ],
  });

  route(router, '/create-m2m-client', {
    post: [
      operator,
      jsonBody,
      noStore,
      async (request, response) => {
        const client = readCreate(request.body);
        const create = () => call(() => clients.create(client));
        response.json({ created_m2mClient: await audit(request, { action: 'create_client' }, create) });
      },
    ],
  });

  route(router, '/get-m2m-client/:clientId', {
    get: [
      operator,
      async (request, response) => {
        const client_id = readClientId(request.params);
        response.json({ m2mClient: await call(() => clients.get({ client_id })) });
      },
    ],
  });

  route(router, '/update-m2m-client/:clientId', {
    put: [
      operator,
      jsonBody,
      async (request, response) => {
        const client_id = readClientId(request.params);
        const changes = readUpdate(request.body);
        const change: Change = {
          action: 'update_client',
          clientId: client_id,
          fields: Object.keys(changes).sort(),
        };
        const update = () => call(() => clients.update({ client_id, ...changes }));
        response.json({ updated_m2mClient: await audit(request, change, update) });
      },
    ],
  });

  route(router, '/delete-m2m-client/:clientId', {
    delete: [
      operator,
      async (request, response) => {
        const client_id = readClientId(request.params);
        const change: Change = { action: 'delete_client', clientId: client_id };
        const remove = () => call(() => clients.delete({ client_id }));
        response.json({ deleted_m2mClient: await audit(request, change, remove) });
      },
    ],
  });

  mountRotation(router, operator, stytch, audit);
  router.use(explainRefusal(howToGetToken));
  return router;
}

/** GET changes something here, as in the article: POST is the better way, and HEAD does nothing. */
function mountRotation(
  router: Router,
  operator: RequestHandler,
  { clientId, rotation, secretIsStored }: AdminDependencies['stytch'],
  audit: Audit,
): void {
  const mount = (path: string, handler: RequestHandler) => {
    route(router, path, { get: [operator, handler], post: [operator, handler] }, { head: false });
  };
  mount('/start-secret-rotation', async (request, response) => {
    const change: Change = { action: 'start_secret_rotation', clientId };
    const nextSecret = await audit(request, change, () => rotation.start());
    response.set('Cache-Control', 'no-store').json(nextSecret);
  });
  mount('/complete-secret-rotation', async (request, response) => {
    await audit(request, { action: 'complete_secret_rotation', clientId }, () => rotation.complete());
    const message = 'Secret rotation completed successfully';
    response.json(secretIsStored ? { message } : { message, warning: mustBeStored });
  });
  mount('/cancel-secret-rotation', async (request, response) => {
    await audit(request, { action: 'cancel_secret_rotation', clientId }, () => rotation.cancel());
    response.json({ message: 'Secret rotation cancelled successfully' });
  });
  route(router, '/rotate-client-secret', {
    post: [
      operator,
      async (request, response) => {
        const change: Change = { action: 'rotate_client_secret', clientId };
        const secret = await audit(request, change, () => rotation.rotate());
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
      operator,
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

function idOfCreated(answer: unknown): string | undefined {
  const { m2m_client } = answer as { m2m_client?: { client_id?: unknown } };
  return typeof m2m_client?.client_id === 'string' ? m2m_client.client_id : undefined;
}

function explainRefusal(hint: string): ErrorRequestHandler {
  return (error: unknown, _request, _response, next) => {
    const explained = error instanceof AuthorizationError && error.status === 401;
    next(explained ? Object.assign(error, { details: { hint } }) : error);
  };
}
