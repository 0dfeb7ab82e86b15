import { describeClient, findClient } from './clients';
import { RefusedError } from './errors';
import { createSecret, storeSecret } from './secrets';
import type { State, StoredClient } from './state';

/** POST …/secrets/rotate/start. From now on both secrets work. No other answer has the next one. */
export async function startRotation(state: State, clientId: string) {
  const nextClientSecret = createSecret();
  const nextSecret = await storeSecret(nextClientSecret, findClient(state, clientId).salt);
  // Looked up after the last await: of two starts at the same time one is refused.
  const client = findClient(state, clientId);
  if (client.nextSecret) throw new RefusedError('m2m_client_already_rotating_secret');
  const rotating: StoredClient = { ...client, nextSecret };
  state.clients.set(clientId, rotating);
  return { m2m_client: { ...describeClient(rotating), next_client_secret: nextClientSecret } };
}

/** POST …/secrets/rotate. The next secret becomes the secret; the old one stops working. */
export function completeRotation(state: State, clientId: string) {
  const { client, nextSecret } = findRotating(state, clientId);
  return replace(state, { ...client, secret: nextSecret, nextSecret: null });
}

/** POST …/secrets/rotate/cancel. The next secret stops working. */
export function cancelRotation(state: State, clientId: string) {
  const { client } = findRotating(state, clientId);
  return replace(state, { ...client, nextSecret: null });
}

function findRotating(state: State, clientId: string) {
  const client = findClient(state, clientId);
  const { nextSecret } = client;
  if (!nextSecret) throw new RefusedError('m2m_client_not_rotating_secret');
  return { client, nextSecret };
}

function replace(state: State, client: StoredClient) {
  state.clients.set(client.clientId, client);
  return { m2m_client: describeClient(client) };
}
