import type { Client } from 'stytch';
import { createSigningKey, type SigningKey, signedToken, standardClaims } from './jwt';

type GetJwks = Client['sessions']['getJWKS'];

/** A Stytch project that signs access tokens. Its `client` mocks the SDK's JWKS call. */
export class TestProject {
  readonly projectId: string;
  readonly getJwks = jest.fn<Promise<unknown>, []>();
  readonly client = { sessions: { getJWKS: this.getJwks as GetJwks } };
  key: SigningKey;

  constructor(projectId = 'project-test-1') {
    this.projectId = projectId;
    this.key = createSigningKey('jwk-test-1');
    this.serve(this.key);
  }

  /** From now on the JWKS contains these keys. */
  serve(...keys: SigningKey[]): void {
    this.getJwks.mockImplementation(() => Promise.resolve(jwksOf(...keys)));
  }

  /** From now on the JWKS is unavailable. */
  fail(): void {
    this.getJwks.mockImplementation(() => Promise.reject(new Error('connect ECONNREFUSED')));
  }

  /** From now on requests for the JWKS get no answer. */
  hang(): void {
    this.getJwks.mockImplementation(() => new Promise(() => undefined));
  }

  /** An access token. Claims and header parameters that are undefined are left out. */
  token(claims: object = {}, header: object = {}, key: SigningKey = this.key): string {
    const now = Math.floor(Date.now() / 1_000);
    return signedToken(
      { alg: 'RS256', kid: key.kid, typ: 'JWT', ...header },
      { ...standardClaims(this.projectId, now), ...claims },
      key.privateKey,
    );
  }
}

/** Stytch's answer to a request for the JWKS. */
export function jwksOf(...keys: SigningKey[]) {
  return { status_code: 200, request_id: 'request-id-test-1', keys: keys.map((key) => key.publicJwk) };
}
