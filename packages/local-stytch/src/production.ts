/** @throws Error with `NODE_ENV=production`: the emulator issues tokens to everybody who can reach it. */
export function refuseProduction(environment: NodeJS.ProcessEnv): void {
  if (environment.NODE_ENV !== 'production') return;
  throw new Error('NODE_ENV is production, and local-stytch protects nothing: use Stytch itself there.');
}
