import { fieldOfError, metadataChange, readScopes } from '../console/tabs/clients/clientFields';
import { readJsonObject } from '../console/tabs/jsonObject';
import { filterRequests, outcomeOf } from '../console/tabs/requests/filter';
import { rfcLink } from '../console/tabs/tokens/rfcLink';
import type { LoggedRequest } from '../src/requestLog';

describe('the filter of requests', () => {
  const request = (id: number, change: Partial<LoggedRequest> = {}): LoggedRequest => ({
    id,
    method: 'POST',
    path: '/v1/public/project-test-1/oauth2/token',
    at: '2026-01-01T00:00:00.000Z',
    status: 200,
    code: null,
    duration_milliseconds: 3,
    ...change,
  });
  const all = [
    request(1, { client_id: 'm2m-client-test-1' }),
    request(2, { status: 400, code: 'invalid_client' }),
    request(3, { status: 500, path: '/v1/m2m/clients' }),
    request(4, { status: null }),
    request(5, { status: null, duration_milliseconds: null }),
  ];
  const names = new Map([['m2m-client-test-1', 'Payments']]);
  const ids = (...filter: [string, Parameters<typeof filterRequests>[2]]) =>
    filterRequests(all, ...filter, names).map(({ id }) => id);

  test('Without a filter all requests are listed, newest first', () => {
    expect(ids('', 'all')).toEqual([5, 4, 3, 2, 1]);
  });

  test('A request that was never answered has failed, and one that is being answered waits', () => {
    expect(all.map(outcomeOf)).toEqual(['succeeded', 'refused', 'failed', 'failed', 'waiting']);
    expect(ids('', 'failed')).toEqual([4, 3]);
  });

  test('Each word of the text must be in the request, in any order and case', () => {
    expect(ids('INVALID_client post', 'all')).toEqual([2]);
    expect(ids('m2m-client-test-1', 'all')).toEqual([1]);
    expect(ids('payments 200', 'all')).toEqual([1]);
    expect(ids('token invalid_client', 'succeeded')).toEqual([]);
  });
});

test('Scopes are separated by spaces, commas or lines, and listed once', () => {
  expect(readScopes(' read:users,write:users\nread:users ')).toEqual(['read:users', 'write:users']);
});

test('When a key is removed from the metadata, then it is sent as null', () => {
  expect(metadataChange({ tenant: 'a', tier: 1 }, { tenant: 'b' })).toEqual({ tenant: 'b', tier: null });
});

test.each([
  ['metadata_too_large', 'trusted_metadata'],
  ['invalid_m2m_client_scope', 'scopes'],
  ['too_many_m2m_client_scopes', 'scopes'],
  ['m2m_client_invalid_name', 'client_name'],
  ['duplicate_m2m_client_id', 'client_id'],
  ['internal_server_error', undefined],
])('The error %s is shown at the field %s', (errorType, field) => {
  expect(fieldOfError(errorType)).toBe(field);
});

test.each(['[]', 'null', '1', '{', '{"a":1}x'])('The text %s is no JSON object', (text) => {
  expect(readJsonObject(text)).toEqual({ error: expect.any(String) });
});

test.each([
  ['RFC 7515 §5.2', 'https://www.rfc-editor.org/rfc/rfc7515#section-5.2'],
  ['RFC 7519 §4.1.4 to §4.1.6', 'https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4'],
  ['RFC 7519', 'https://www.rfc-editor.org/rfc/rfc7519'],
  ['OpenID', null],
])('The link of %s is %s', (rfc, link) => {
  expect(rfcLink(rfc)).toBe(link);
});
