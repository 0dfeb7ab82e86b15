export { httpAddress, isLoopback, isPrivateHostName, secureAddress } from './addresses';
export { type BaseAppOptions, createBaseApp } from './app';
export { clientNames, requireClientNames } from './clientNames';
export {
  ConfigError,
  type Environment,
  loadEnvironment,
  readConfig,
  required,
  serverSettings,
  crossFieldChecks,
  tlsSettings,
  wholeNumber,
} from './config';
export { HttpError, InvalidRequest } from './errors';
/** `request.id`, among the types of Express. */
export type {} from './requestLogger';
export { Readiness } from './health';
export { createLogger, describeError, type Logger } from './logger';
export { openStandardOutput } from './logDestination';
export { createMetrics, type Metrics } from './metrics';
export { RequestLimit } from './overload';
export { runCommand, runProgram } from './program';
export { jsonBody, parseInput } from './requests';
export { type Methods, route } from './route';
export { type RunningServer, serve, type ServeOptions } from './serve';
export { exit, onStop } from './signals';
export { type ServerOptions, type ServerParts, startServer } from './startServer';
export { readTlsCredentials, TlsFiles, type TlsFilesOptions, type TlsSource } from './tls';
export { type TlsCredentials, tlsOptions, type TlsSettings } from './tlsCredentials';
