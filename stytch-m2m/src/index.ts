export {
  type AccessTokenEvent,
  AccessTokens,
  type AccessTokensOptions,
  AccessTokenUnavailable,
  type AcquiredToken,
} from './accessTokens';
export {
  AuthorizationError,
  AuthorizationUnavailable,
  InsufficientScope,
  InvalidToken,
  InvalidTokenRequest,
  Unauthorized,
} from './authorizationErrors';
export {
  type AuthorizationOutcome,
  type Authorizer,
  type AuthorizerOptions,
  type AuthorizeTokenOptions,
  createAuthorizer,
} from './authorizeToken';
export { callStytch, StytchRefused, StytchUnreachable } from './callStytch';
export { ClientCredentials } from './credentials';
export { RotationConflict, SecretRotation, type SecretRotationOptions } from './secretRotation';
export type { M2MClientIdentity } from './verifiedTokens';
