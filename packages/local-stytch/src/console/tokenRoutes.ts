import type { Router } from 'express';
import { z } from 'zod';
import { read, write } from '../adminRoute';
import { TransportError } from '../errors';
import { explainToken } from '../explainToken';
import { route } from '../http';
import { mintSchema, mintToken } from '../mintedToken';
import type { State } from '../state';

const explainSchema = z.strictObject({
  token: z.string(),
  required_scopes: z.array(z.string()).max(100).optional(),
});

/** Mounts the routes that mint, list and explain tokens. */
export function addTokenRoutes(router: Router, state: State): void {
  route(router, '/tokens', {
    get: read(() => ({ tokens: state.tokens.list() })),
    post: write(mintSchema, async (wanted) => ({ access_token: await mintToken(state, wanted) })),
  });
  route(router, '/tokens/explain', {
    post: write(explainSchema, ({ token, required_scopes }) => explainToken(state, token, required_scopes)),
  });
  route<{ tokenId: string }>(router, '/tokens/:tokenId', {
    get: read(({ params }) => {
      const token = state.tokens.get(Number(params.tokenId));
      if (token === undefined) throw new TransportError(404, 'tokenNotFound');
      return explainToken(state, token);
    }),
  });
}
