export { httpAddress, isLoopback, isPrivateHostName } from './addresses';
export { RequestLimit } from './admission';
export { type BaseAppOptions, createBaseApp } from './app';
export { clientNames, requireClientNames } from './clientNames';
export {
  ConfigError,
  crossFieldChecks,
  type Environment,
  loadEnvironment,
  readConfig,
  required,
  serverSettings,
  stytchSettings,
  type TlsSettings,
  tlsSettings,
} from './config';
export { HttpError, InvalidInputError } from './errors';
/** Adds `request.id` to the types of Express. */
export type {} from './requestLogger';
export { traceIds } from './requestSpan';
export { Readiness } from './health';
export { openStandardOutput } from './logDestination';
export { createLogger, type Logger } from './logger';
export { createMetrics, type Metrics } from './metrics';
export { preciseTime } from './preciseTime';
export { runCommand, runProgram } from './program';
export { jsonBody, parseInput } from './requests';
export { type Methods, route } from './route';
export { type RunningServer, serve } from './serve';
export { exit, onStop } from './signals';
export { startServer } from './startServer';
export { readTlsCredentials, TlsFiles, type TlsSource } from './tls';
export { type TlsCredentials, tlsOptions } from './tlsCredentials';
export { clientAttributes, inSpan, type TraceSpan, type Tracing } from './traceSpan';
export { wholeNumber } from './wholeNumber';
