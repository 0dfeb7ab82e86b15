import express, { type Express, type RequestHandler } from 'express';
import { refuseForeignPages } from './access';
import { type Controlled, createAdminApi } from './adminApi';
import { createClient, deleteClient, getClient, updateClient } from './clients';
import { createConsolePage } from './consolePage';
import {
  errorHandler,
  jsonBody,
  jsonOrFormBody,
  limitRequests,
  operation,
  route,
  routeNotFound,
} from './http';
import { getJwks, requireProject } from './jwks';
import { authenticateProject } from './projectAuthentication';
import { recordSpans } from './ownSpans';
import type { RequestLog } from './requestLog';
import { cancelRotation, completeRotation, startRotation } from './rotation';
import { searchClients } from './search';
import type { State } from './state';
import { issueToken } from './token';
import { readTokenRequest } from './tokenRequest';

export interface Dependencies extends Controlled {
  /** Gets each error whose answer is a 500 without details. */
  reportError: (error: unknown) => void;
  /** The token that the admin API requires. Undefined where only this machine can call: then it requires none. */
  adminToken?: string | undefined;
}

/** Builds the app that emulates Stytch's M2M API. It opens nothing. */
export function createApp({ reportError, adminToken, ...controlled }: Dependencies): Express {
  const { state, faults, requests, traces } = controlled;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.use(neverStored, limitRequests(), refuseForeignPages(adminToken !== undefined));
  app.use(createConsolePage());
  app.use('/local', createAdminApi(controlled, adminToken));
  app.use(recordSpans(traces), requests.record, faults.apply);
  addPublicRoutes(app, state, requests);
  addManagementRoutes(app, state);
  app.use(routeNotFound, errorHandler(reportError));
  return app;
}

/** RFC 6749 §5.1 requires it of answers with a token. Answers with a secret need it as well. */
const neverStored: RequestHandler = (_request, response, next) => {
  response.set({ 'Cache-Control': 'no-store', Pragma: 'no-cache' });
  next();
};

interface OfProject {
  projectId: string;
}

function addPublicRoutes(app: Express, state: State, requests: RequestLog): void {
  const knownProject: RequestHandler<OfProject> = ({ params }, _response, next) => {
    requireProject(state, params.projectId);
    next();
  };
  const token = operation<OfProject>(async (request) => {
    const wanted = readTokenRequest(request);
    if (state.clients.has(wanted.clientId)) requests.note(request, { client_id: wanted.clientId });
    const { answer, claims } = await issueToken(state, wanted);
    requests.note(request, { claims });
    return answer;
  });
  route<OfProject>(app, '/v1/public/:projectId/oauth2/token', {
    post: [knownProject, jsonOrFormBody, token],
  });
  for (const path of ['/v1/sessions/jwks/:projectId', '/v1/b2b/sessions/jwks/:projectId']) {
    route<OfProject>(app, path, {
      get: [operation(({ params }) => getJwks(state, params.projectId))],
    });
  }
}

interface OfClient {
  clientId: string;
}

function addManagementRoutes(app: Express, state: State): void {
  const before = [authenticateProject(state), jsonBody];
  const client = '/v1/m2m/clients/:clientId';
  const rotation = (run: (state: State, clientId: string) => object | Promise<object>) => ({
    post: [...before, operation<OfClient>(({ params }) => run(state, params.clientId))],
  });

  route(app, '/v1/m2m/clients', {
    post: [...before, operation(({ body }) => createClient(state, body))],
  });
  // Other methods on this path belong to a client with the id "search".
  app.post(
    '/v1/m2m/clients/search',
    ...before,
    operation(({ body }) => searchClients(state, body)),
  );
  route<OfClient>(app, client, {
    get: [...before, operation(({ params }) => getClient(state, params.clientId))],
    put: [...before, operation(({ params, body }) => updateClient(state, params.clientId, body))],
    delete: [...before, operation(({ params }) => deleteClient(state, params.clientId))],
  });
  route<OfClient>(app, `${client}/secrets/rotate/start`, rotation(startRotation));
  route<OfClient>(app, `${client}/secrets/rotate`, rotation(completeRotation));
  route<OfClient>(app, `${client}/secrets/rotate/cancel`, rotation(cancelRotation));
}
