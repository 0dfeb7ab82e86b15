export { createBaseApp, type Methods, route } from './app';
export {
  ConfigError,
  type Environment,
  httpAddress,
  loadEnvironment,
  readConfig,
  required,
  secureAddress,
  serverSettings,
  wholeNumber,
} from './config';
export { HttpError, InvalidRequest } from './errors';
export { createLogger, describeError, type Logger } from './logger';
export { runProgram } from './program';
export { jsonBody, parseInput, requestIdOf } from './requests';
export { type RunningServer, serve, type ServeOptions } from './serve';
