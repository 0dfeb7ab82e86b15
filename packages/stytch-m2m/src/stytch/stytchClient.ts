// The parts of the Stytch SDK's `Client` and `B2BClient` that this library calls. These types, and not the SDK's own,
// keep the SDK optional. Answers are unknown until they are checked.

/** Issues access tokens: `client.m2m.token` of the SDK. */
export interface TokenClient {
  readonly m2m: {
    token(request: { client_id: string; client_secret: string; scopes?: string[] }): Promise<unknown>;
  };
}

/** Rotates the secrets of M2M clients: `client.m2m` of the SDK. */
export interface RotationClient {
  readonly m2m: TokenClient['m2m'] & {
    readonly clients: {
      get(request: { client_id: string }): Promise<unknown>;
      readonly secrets: {
        rotateStart(request: { client_id: string }): Promise<unknown>;
        rotate(request: { client_id: string }): Promise<unknown>;
        rotateCancel(request: { client_id: string }): Promise<unknown>;
      };
    };
  };
}

/** Fetches the JWKS: `client.sessions.getJWKS` of the SDK. */
export interface JwksClient {
  readonly sessions: { getJWKS(request: { project_id: string }): Promise<unknown> };
}
