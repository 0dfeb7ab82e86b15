/**
 * The wallet route in Express 5 with our classes for requests and responses, open to anyone, and with the parts of our
 * wallet-server that the environment variable PARTS names. Without any it is the limit for our wallet-server.
 */
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import { admitRequests } from '../../../packages/service-kit/dist/admission';
import { expressClasses } from '../../../packages/service-kit/dist/expressClasses';
import { createLogger, createMetrics, jsonBody, serve } from '../../../packages/service-kit/dist/index';
import { requestLogger } from '../../../packages/service-kit/dist/requestLogger';
import { securityHeaders } from '../../../packages/service-kit/dist/securityHeaders';
import { createAuthorizer } from '../../../packages/stytch-m2m/dist/index';
import { VerifiedTokenCache } from '../../../packages/stytch-m2m/dist/resource/verifiedTokenCache';
import { listen, setting } from './listen';
import { partNames } from './parts';
import { checkBalance } from './wallets';

const parts = new Set(process.env['PARTS']?.split(','));
const unknown = [...parts].filter((name) => !(partNames as readonly string[]).includes(name));
if (unknown.length > 0) throw new Error(`there is no part ${unknown.join(', ')}`);
const has = (name: (typeof partNames)[number]) => parts.has(name);

/** The digest that the authorization looks for in its cache. */
const digestToken: RequestHandler = ({ headers: { authorization = '' } }, response, next) => {
  response.locals['digest'] = VerifiedTokenCache.digest(authorization.slice(7));
  next();
};

function authorization(): RequestHandler {
  const authorizer = createAuthorizer({
    projectId: setting('STYTCH_PROJECT_ID'),
    baseUrl: setting('STYTCH_BASE_URL'),
    realm: 'bench',
  });
  return authorizer.authorizeToken('read:users');
}

/** The middleware of our base app, as far as its parts are named. */
function baseMiddleware(): RequestHandler[] {
  const steps: ((request: Request, response: Response) => void)[] = [];
  if (has('request id')) {
    const log = createLogger({ name: 'bench', level: has('log line') ? 'info' : 'silent' });
    steps.push(requestLogger(log, has('metrics') ? createMetrics() : { observe: () => undefined }));
  }
  if (has('security headers')) {
    const setHeaders = securityHeaders();
    steps.push((_request, response) => {
      setHeaders(response);
    });
  }
  if (steps.length === 0) return [];
  const admit: RequestHandler = has('admission')
    ? admitRequests({})
    : (_request, _response, next) => {
        next();
      };
  return [
    (request, response, next) => {
      for (const step of steps) step(request, response);
      admit(request, response, next);
    },
  ];
}

function createApp(): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  for (const middleware of baseMiddleware()) app.use(middleware);
  const before = has('authorization') ? [authorization()] : has('digest') ? [digestToken] : [];
  const body = has('content type') ? jsonBody : express.json();
  app.post('/api/check-balance', before, body, checkBalance);
  return app;
}

async function start(): Promise<void> {
  const app = createApp();
  if (!has('time limits')) {
    listen(app, expressClasses(app));
    return;
  }
  const logger = createLogger({ name: 'bench', level: 'silent' });
  const { url } = await serve({ name: 'bench', app, host: '127.0.0.1', port: 0, logger });
  process.send?.({ listening: url });
  process.once('disconnect', () => process.exit());
}

void start();
