/** The wallet route behind express-oauth2-jwt-bearer, as in its README, without a log. */
import express from 'express';
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer';
import { listen, setting } from './listen';
import { checkBalance } from './wallets';

const projectId = setting('STYTCH_PROJECT_ID');

const app = express();
app.use(express.json());
app.post(
  '/api/check-balance',
  auth({
    issuer: `stytch.com/${projectId}`,
    audience: projectId,
    jwksUri: `${setting('STYTCH_BASE_URL')}/v1/sessions/jwks/${projectId}`,
    tokenSigningAlg: 'RS256',
  }),
  requiredScopes('read:users'),
  checkBalance,
);
listen(app);
