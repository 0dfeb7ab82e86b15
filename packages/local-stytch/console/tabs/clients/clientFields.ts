import type { ListedClient } from '../../../src/consoleApi';
import type { JsonObject } from '../jsonObject';

/** The fields of the form. */
export type ClientField = 'client_name' | 'client_id' | 'scopes' | 'trusted_metadata';

/** Reads scopes that are separated by spaces, commas or line breaks. */
export function readScopes(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter(Boolean))];
}

/**
 * The `trusted_metadata` of an update that makes `before` into `after`. Stytch merges the top-level keys and removes
 * those that are null (https://stytch.com/docs/api/metadata).
 */
export function metadataChange(before: JsonObject, after: JsonObject): JsonObject {
  const removed = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  return { ...after, ...Object.fromEntries(removed.map((key) => [key, null])) };
}

/** The field that an error of the management API is about. Undefined: of none, or of several. */
export function fieldOfError(errorType: string | undefined): ClientField | undefined {
  if (errorType === undefined) return undefined;
  if (errorType.startsWith('metadata_')) return 'trusted_metadata';
  if (errorType.includes('client_scope')) return 'scopes';
  if (errorType.endsWith('client_id')) return 'client_id';
  return errorType === 'm2m_client_invalid_name' ? 'client_name' : undefined;
}

/** The clients whose name, id or scopes have the text, sorted by nothing: as they come. */
export function filterClients(clients: readonly ListedClient[], text: string): ListedClient[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return clients.filter(({ client_name: name, client_id: id, scopes }) => {
    const searched = [name, id, ...scopes].join(' ').toLowerCase();
    return words.every((word) => searched.includes(word));
  });
}
