import { createId, createSecret } from './secrets';

/** What the emulator starts with, in plain text. It is handed out once and never stored. */
export interface Seed {
  projectId: string;
  projectSecret: string;
  /** The client `payment-service`, which holds `read:users`. */
  clientId: string;
  clientSecret: string;
  /** The client `operator`, which holds `manage:m2m_clients`. */
  operatorClientId: string;
  operatorClientSecret: string;
}

/** Makes a seed: each value as given, or else at random. */
export function createSeed(given: { [Key in keyof Seed]?: Seed[Key] | undefined } = {}): Seed {
  return {
    projectId: given.projectId ?? createId('project'),
    projectSecret: given.projectSecret ?? `secret-test-${createSecret()}`,
    clientId: given.clientId ?? createId('m2m-client'),
    clientSecret: given.clientSecret ?? createSecret(),
    operatorClientId: given.operatorClientId ?? createId('m2m-client'),
    operatorClientSecret: given.operatorClientSecret ?? createSecret(),
  };
}
