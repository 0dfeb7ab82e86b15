/**
 * The environment of a server that a test starts without local-stytch. It has nothing of the test's own environment
 * but PATH. Nobody listens at its STYTCH_BASE_URL.
 */
export function serverEnvironment(variables: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    DOTENV: 'off',
    PORT: '0',
    LOG_LEVEL: 'info',
    STYTCH_PROJECT_ID: 'project-test-1',
    STYTCH_SECRET: 'secret-test-1',
    STYTCH_BASE_URL: 'http://localhost:9',
    ...variables,
  };
}
