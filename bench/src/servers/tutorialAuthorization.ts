import type { RequestHandler } from 'express';
import { client } from './tutorialStytch';

interface Failure {
  response?: { status: number; data: unknown };
}

/** The article's middleware: the SDK verifies the token of each request. The answer to an invalid token is 500. */
export function authorizeToken(requiredScope: string): RequestHandler {
  return async (request, response, next) => {
    try {
      const token = request.headers.authorization?.split(' ')[1];
      if (!token) {
        response.status(401).json({ error: 'Unauthorized' });
        return;
      }
      const claims = await client.m2m.authenticateToken({
        access_token: token,
        required_scopes: [requiredScope],
      });
      console.log('Authorized:', claims);
      next();
    } catch (error) {
      console.error('Error in middleware:', error);
      const failure = (error as Failure).response;
      response.status(failure?.status ?? 500).json({ error: failure?.data ?? 'Internal server error' });
    }
  };
}
