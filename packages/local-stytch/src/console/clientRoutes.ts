import type { Router } from 'express';
import { z } from 'zod';
import { nothing, read, write } from '../adminRoute';
import { createFields, updateFields } from '../clientFields';
import { createClient, deleteClient, describeClient, updateClient } from '../clients';
import { InvalidAdminRequestError } from '../errors';
import { route } from '../http';
import { cancelRotation, completeRotation, startRotation } from '../rotation';
import type { State } from '../state';

interface OfClient {
  clientId: string;
}

/** Mounts the operations of Stytch's management API, without its credentials. */
export function addClientRoutes(router: Router, state: State): void {
  const client = '/clients/:clientId';
  const rotation = (run: (state: State, clientId: string) => object | Promise<object>) => ({
    post: write(nothing, (_body, { clientId }: OfClient) => run(state, clientId)),
  });

  route(router, '/clients', {
    get: read(() => ({ m2m_clients: listClients(state) })),
    post: write(anyBody, (body) => createClient(state, knownFields(createFields, body))),
  });
  route<OfClient>(router, client, {
    put: write(anyBody, (body, { clientId }: OfClient) =>
      updateClient(state, clientId, knownFields(updateFields, body)),
    ),
    delete: write(nothing, (_body, { clientId }: OfClient) => deleteClient(state, clientId)),
  });
  route<OfClient>(router, `${client}/secrets/rotate/start`, rotation(startRotation));
  route<OfClient>(router, `${client}/secrets/rotate`, rotation(completeRotation));
  route<OfClient>(router, `${client}/secrets/rotate/cancel`, rotation(cancelRotation));
}

const anyBody = z.record(z.string(), z.unknown());

/** In the order of their creation. */
function listClients({ clients }: State) {
  return [...clients.values()].sort((one, other) => one.sequence - other.sequence).map(describeClient);
}

/** Stytch ignores unknown fields; the admin API refuses them. */
function knownFields(schema: z.ZodObject, body: Readonly<Record<string, unknown>>) {
  const unknown = Object.keys(body).filter((name) => !Object.hasOwn(schema.shape, name));
  if (unknown.length > 0) throw new InvalidAdminRequestError(`body: unknown fields: ${unknown.join(', ')}`);
  return body;
}
