import type { z } from 'zod';
import { createFields, mergeMetadata, parseBody, updateFields } from './clientFields';
import { ClientNotFoundError, RefusedError } from './errors';
import { createId, createSalt, createSecret, storeSecret } from './secrets';
import type { State, StoredClient } from './state';

/** A client as Stytch shows it. */
export function describeClient(client: StoredClient) {
  return {
    client_id: client.clientId,
    client_name: client.clientName,
    client_description: client.clientDescription,
    status: client.status,
    scopes: client.scopes,
    client_secret_last_four: client.secret.lastFour,
    next_client_secret_last_four: client.nextSecret?.lastFour ?? null,
    trusted_metadata: client.trustedMetadata,
  };
}

/** @throws ClientNotFoundError */
export function findClient(state: State, clientId: string): StoredClient {
  const client = state.clients.get(clientId);
  if (!client) throw new ClientNotFoundError();
  return client;
}

/** POST /v1/m2m/clients. No other answer has the secret. */
export async function createClient(state: State, body: unknown) {
  const { client, clientSecret } = await addClient(state, parseBody(createFields, body));
  return { m2m_client: { ...describeClient(client), client_secret: clientSecret } };
}

interface NewClientExtra {
  claims?: StoredClient['claims'] | undefined;
  status?: StoredClient['status'] | undefined;
}

/**
 * Adds a client.
 *
 * @param extra fields that the API cannot set.
 * @throws RefusedError
 */
export async function addClient(
  state: State,
  fields: z.infer<typeof createFields>,
  { claims = {}, status = 'active' }: NewClientExtra = {},
) {
  const trustedMetadata = mergeMetadata({}, fields.trusted_metadata ?? {});
  const clientId = fields.client_id ?? createId('m2m-client');
  const clientSecret = fields.client_secret ?? createSecret();
  const salt = createSalt();
  const secret = await storeSecret(clientSecret, salt);
  // Nothing is awaited between this check and `set`: of two calls with the same id one is refused.
  if (state.clients.has(clientId)) throw new RefusedError('duplicate_m2m_client_id');
  const client: StoredClient = {
    sequence: state.nextSequence++,
    clientId,
    clientName: fields.client_name ?? '',
    clientDescription: fields.client_description ?? '',
    status,
    scopes: fields.scopes,
    trustedMetadata,
    claims,
    salt,
    secret,
    nextSecret: null,
  };
  state.clients.set(clientId, client);
  return { client, clientSecret };
}

/** GET /v1/m2m/clients/{client_id} */
export function getClient(state: State, clientId: string) {
  return { m2m_client: describeClient(findClient(state, clientId)) };
}

/** PUT /v1/m2m/clients/{client_id}. A field that is not given stays as it is. */
export function updateClient(state: State, clientId: string, body: unknown) {
  const client = findClient(state, clientId);
  const fields = parseBody(updateFields, body);
  const updated: StoredClient = {
    ...client,
    clientName: fields.client_name ?? client.clientName,
    clientDescription: fields.client_description ?? client.clientDescription,
    status: fields.status ?? client.status,
    scopes: fields.scopes ?? client.scopes,
    trustedMetadata: mergeMetadata(client.trustedMetadata, fields.trusted_metadata ?? {}),
  };
  state.clients.set(clientId, updated);
  return { m2m_client: describeClient(updated) };
}

/** DELETE /v1/m2m/clients/{client_id}. Tokens already issued stay valid until they expire. */
export function deleteClient(state: State, clientId: string) {
  findClient(state, clientId);
  state.clients.delete(clientId);
  return { client_id: clientId };
}
