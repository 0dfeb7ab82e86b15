import { computed } from '@preact/signals';
import { clients } from '../live';

/** The names of the clients, by their ids. */
export const clientNames = computed<ReadonlyMap<string, string>>(
  () => new Map(clients.value.map(({ client_id: id, client_name: name }) => [id, name])),
);

/** The name of a client; of one without a name, or one that is deleted, the id. */
export function clientName(id: string): string {
  return clientNames.value.get(id) || id;
}
