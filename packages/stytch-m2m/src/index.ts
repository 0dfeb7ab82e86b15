/**
 * Machine-to-machine auth with Stytch: access tokens, authorization, secret rotation.
 *
 * @module stytch-m2m
 */

export type { AccessToken, AccessTokenEvent } from './client/accessToken';
export { AccessTokenProvider, type AccessTokenProviderOptions } from './client/accessTokenProvider';
export { AccessTokenUnavailableError } from './client/accessTokenUnavailableError';
export { isInvalidTokenChallenge } from './client/challenges';
export { ClientCredentials } from './client/clientCredentials';
export { authorizationErrorHandler } from './resource/authorizationErrorHandler';
export {
  AccessDeniedError,
  AuthorizationError,
  AuthorizationUnavailableError,
  InsufficientScopeError,
  InvalidRequestError,
  InvalidTokenError,
  TokenTooOldError,
  UnauthorizedError,
} from './resource/authorizationErrors';
export {
  type AuthorizationOutcome,
  authorizationOutcomes,
  type Authorizer,
  type AuthorizerOptions,
  type AuthorizeTokenMiddleware,
  createAuthorizer,
} from './resource/authorizer';
export { type JwksFetchEvent } from './resource/jwksCache';
export type { AuthorizationSource, IncomingRequest, RequestHeaders } from './resource/bearerToken';
export type { AuthorizeTokenOptions } from './resource/policy';
export type { M2MClientIdentity } from './resource/verifiedTokenCache';
export { FileSecretStore, type FileSecretStoreOptions } from './rotation/fileSecretStore';
export type { KubernetesApiOptions } from './rotation/kubernetesApi';
export { KubernetesSecretStore, type KubernetesSecretStoreOptions } from './rotation/kubernetesSecretStore';
export { MemorySecretStore } from './rotation/memorySecretStore';
export { keepRotating, type RotationScheduleOptions } from './rotation/rotationSchedule';
export { type RotationEvent } from './rotation/rotationSteps';
export { RotationConflictError, RotationRunningError } from './rotation/secretClaim';
export { SecretRotation } from './rotation/secretRotation';
export type { RotationStatus, SecretRotationOptions } from './rotation/secretRotationOptions';
export { type ProjectAddress, tokenEndpoint } from './stytch/addresses';
export { callStytch, StytchApiError, StytchUnavailableError } from './stytch/callStytch';
export {
  type SecretStore,
  SecretStoreConflictError,
  SecretStoreError,
  SecretStoreReadOnlyError,
  type StoredRotation,
  type StoredSecrets,
  type StoredVersion,
} from './stytch/secretStore';
export type { JwksClient, RotationClient, TokenClient } from './stytch/stytchClient';
export { stytchConfig, type StytchConfig, stytchDispatcher } from './stytch/stytchDispatcher';
export type {
  AuthorizeMessage,
  GetAccessTokenMessage,
  JwksFetchMessage,
  OperationMessage,
  RotationMessage,
  RotationStepMessage,
  StytchRequestMessage,
  TokenRequestMessage,
  TracingMessages,
} from './tracing';
