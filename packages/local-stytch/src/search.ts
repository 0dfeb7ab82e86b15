import { z } from 'zod';
import { parseBody, refusedAs } from './clientFields';
import { describeClient } from './clients';
import { RefusedError } from './errors';
import type { State, StoredClient } from './state';

const filterName = z.string({
  error: ({ input }) =>
    input === undefined ? 'm2m_search_missing_filter_name' : 'm2m_search_filter_name_must_be_string',
});

const operand = z.object(
  {
    filter_name: filterName.pipe(
      z.enum(['client_id', 'client_name', 'scopes'], refusedAs('m2m_search_filter_name_not_recognized')),
    ),
    filter_value: z.array(z.string(refusedAs('m2m_search_expected_array_of_strings')), {
      error: ({ input }) =>
        input === undefined ? 'm2m_search_missing_filter_value' : 'm2m_search_expected_array_of_strings',
    }),
  },
  refusedAs('invalid_search_query'),
);

const query = z.object(
  {
    operator: z.enum(['AND', 'OR'], refusedAs('invalid_search_query')).nullish(),
    operands: z.array(operand, refusedAs('invalid_search_query')).nullish(),
  },
  refusedAs('invalid_search_query'),
);

const searchFields = z.object(
  {
    limit: z
      .int(refusedAs('invalid_search_limit'))
      .min(1, refusedAs('invalid_search_limit'))
      .max(1000, refusedAs('invalid_search_limit'))
      .nullish(),
    cursor: z.string(refusedAs('invalid_search_cursor')).nullish(),
    query: query.nullish(),
  },
  refusedAs('invalid_request_body'),
);

type Operand = z.infer<typeof operand>;

/**
 * POST /v1/m2m/clients/search. A cursor names the last client of its page, not a position: it stays right when clients
 * are created or deleted between two pages.
 */
export function searchClients(state: State, body: unknown) {
  const { limit, cursor, query } = parseBody(searchFields, body);
  const after = cursor ? readCursor(cursor) : -1;
  const operands = query?.operands ?? [];
  if (operands.length > 0 && !query?.operator) throw new RefusedError('invalid_search_query');
  const matching = [...state.clients.values()]
    .filter((client) => matches(client, query?.operator ?? 'AND', operands))
    .sort((one, other) => one.sequence - other.sequence);
  const remaining = matching.filter((client) => client.sequence > after);
  const page = remaining.slice(0, limit ?? 100);
  const last = page.at(-1);
  return {
    m2m_clients: page.map(describeClient),
    results_metadata: {
      total: state.settings.searchTotals ? matching.length : -1,
      next_cursor: last && remaining.length > page.length ? writeCursor(last.sequence) : null,
    },
  };
}

function matches(client: StoredClient, operator: 'AND' | 'OR', operands: readonly Operand[]): boolean {
  if (operands.length === 0) return true;
  const isMatch = ({ filter_name, filter_value }: Operand) => {
    const values = {
      client_id: [client.clientId],
      client_name: [client.clientName],
      scopes: client.scopes,
    }[filter_name];
    return filter_value.some((value) => values.includes(value));
  };
  return operator === 'AND' ? operands.every(isMatch) : operands.some(isMatch);
}

function writeCursor(sequence: number): string {
  return Buffer.from(`after:${sequence}`).toString('base64url');
}

function readCursor(cursor: string): number {
  const sequence = /^after:(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString())?.[1];
  if (sequence === undefined) throw new RefusedError('invalid_search_cursor');
  return Number(sequence);
}
