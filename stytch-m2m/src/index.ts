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
  TokenTooOldError,
  Unauthorized,
} from './authorizationErrors';
export {
  type AuthorizationOutcome,
  type Authorizer,
  type AuthorizerOptions,
  type AuthorizeTokenOptions,
  createAuthorizer,
} from './authorizeToken';
export { type ProjectAddress, stytchBaseUrl, tokenEndpoint } from './stytchAddresses';
export { callStytch, StytchRefused, StytchUnreachable } from './callStytch';
export { ClientCredentials } from './credentials';
export { keepRotating, type RotationScheduleOptions } from './rotationSchedule';
export { FileSecretStore } from './fileSecretStore';
export { type RotationEvent } from './rotationSteps';
export { RotationConflict } from './secretClaim';
export { type RotationStatus, SecretRotation, type SecretRotationOptions } from './secretRotation';
export {
  MemorySecretStore,
  type SecretStore,
  SecretStoreConflictError,
  SecretStoreError,
  type StoredRotation,
  type StoredSecrets,
  type StoredVersion,
} from './secretStore';
export type { M2MClientIdentity } from './verifiedTokens';
export { stytchConfig, type StytchConfig, stytchDispatcher } from './stytchDispatcher';
export { isInvalidTokenChallenge } from './challenges';
