import { certificateFiles } from './certs';
import { createScenarios } from './scenarios';
import type { Stack } from './stack';

/**
 * Tells the console of local-stytch, if it runs, which services it can call and what to try with them.
 *
 * @param mtls the folder with the certificates, if the stack uses mutual TLS.
 */
export function connectConsole({ localStytch, payment, wallet }: Stack, mtls?: string): void {
  if (!localStytch) return;
  const { STYTCH_PROJECT_ID = '', CLIENT_ID = '', OPERATOR_CLIENT_ID = '' } = localStytch.seed;
  const as = (owner: 'operator' | 'payment-server') => mtls !== undefined && certificateFiles(mtls, owner);
  const services = [
    { name: payment.name, url: payment.url, ...as('operator') },
    { name: wallet.name, url: wallet.url, ...as('payment-server') },
  ];
  const scenarios = createScenarios({
    projectId: STYTCH_PROJECT_ID,
    clientId: CLIENT_ID,
    operatorClientId: OPERATOR_CLIENT_ID,
  });
  // If it has ended, `stack.broken` says so.
  localStytch.process.send({ console: { services, scenarios } }, () => undefined);
}
