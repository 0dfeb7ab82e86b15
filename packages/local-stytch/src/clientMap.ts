import type { Changes } from './changes';
import type { StoredClient } from './state';

/** The clients by their id. It announces each change. */
export class ClientMap extends Map<string, StoredClient> {
  constructor(private readonly changes: Changes) {
    super();
  }

  override set(clientId: string, client: StoredClient): this {
    this.changes.clients();
    return super.set(clientId, client);
  }

  override delete(clientId: string): boolean {
    this.changes.clients();
    return super.delete(clientId);
  }
}
