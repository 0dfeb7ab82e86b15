/** The wallet route behind fast-jwt with its cache, without a log. The key is fetched once, at the start. */
import { createPublicKey, type JsonWebKey } from 'node:crypto';
import express, { type RequestHandler } from 'express';
import { createVerifier } from 'fast-jwt';
import { listen, setting } from './listen';
import { checkBalance } from './wallets';

async function start(): Promise<void> {
  const projectId = setting('STYTCH_PROJECT_ID');
  const answer = await fetch(`${setting('STYTCH_BASE_URL')}/v1/sessions/jwks/${projectId}`);
  const { keys } = (await answer.json()) as { keys: JsonWebKey[] };
  const [key] = keys;
  if (!key) throw new Error('The JWKS is empty');
  const verify = createVerifier({
    key: createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }),
    algorithms: ['RS256'],
    allowedIss: `stytch.com/${projectId}`,
    allowedAud: projectId,
    cache: true,
  });
  const authorize: RequestHandler = (request, response, next) => {
    const [, token = ''] = request.headers.authorization?.split(' ') ?? [];
    try {
      const { scope } = verify(token) as { scope: string };
      if (scope.split(' ').includes('read:users')) next();
      else response.status(403).json({ error: 'Forbidden' });
    } catch {
      response.status(401).json({ error: 'Unauthorized' });
    }
  };
  const app = express();
  app.use(express.json());
  app.post('/api/check-balance', authorize, checkBalance);
  listen(app);
}

void start();
