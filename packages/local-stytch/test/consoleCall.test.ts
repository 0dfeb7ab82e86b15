import { complete, emptyDraft, readCall } from '../console/flow/callDraft';
import type { ConsoleInfo, ListedClient } from '../src/consoleApi';

const info: ConsoleInfo = {
  project_id: 'project-test-1',
  base_url: 'http://localhost:5005',
  version: '0.1.0',
  services: [{ name: 'orders', url: 'http://localhost:3000' }],
  scenarios: [],
};
const client: ListedClient = {
  client_id: 'm2m-client-1',
  client_name: 'payment-service',
  client_description: '',
  status: 'active',
  scopes: ['read:users'],
  client_secret_last_four: 'aaaa',
  next_client_secret_last_four: null,
  trusted_metadata: {},
};
const known = { info, clients: [client] };

describe('The form for a call', () => {
  test('When nothing is filled in, then it calls the first service', () => {
    expect(readCall(complete(emptyDraft, known))).toEqual({
      call: { service: 'orders', method: 'GET', path: '/' },
    });
  });

  test('When there is no service, then it gets the JWKS of this Stytch', () => {
    const draft = complete(emptyDraft, { ...known, info: { ...info, services: [] } });

    expect(readCall(draft)).toEqual({
      call: { service: 'local-stytch', method: 'GET', path: '/v1/sessions/jwks/project-test-1' },
    });
  });

  test('When the token is of a client, then it is of the first one, with the scopes that are filled in', () => {
    const draft = { ...emptyDraft, token: 'client', scope: ' read:users ' };

    expect(readCall(complete(draft, known))).toMatchObject({
      call: { token: { kind: 'client', client_id: 'm2m-client-1', scope: 'read:users' } },
    });
    expect(readCall(complete(draft, { ...known, clients: [] }))).toHaveProperty('errors.client');
  });

  test('When a GET has a body, then it is not sent; that of another method has to be JSON', () => {
    const draft = complete({ ...emptyDraft, body: '{"a":1}' }, known);

    expect(readCall(draft)).not.toHaveProperty('call.body');
    expect(readCall({ ...draft, method: 'PUT' })).toMatchObject({ call: { method: 'PUT', body: { a: 1 } } });
    expect(readCall({ ...draft, method: 'PUT', body: '{' })).toHaveProperty('errors.body');
  });

  test.each(['//evil.example', '/\\evil.example', 'orders', 'http://evil.example/'])(
    'When the path is %j, then it is refused',
    (path) => {
      expect(readCall({ ...emptyDraft, path })).toHaveProperty('errors.path');
    },
  );
});
