import { inspect } from 'node:util';
import { AccessTokens, ClientCredentials, SecretRotation } from '../src';

const showEverything = { depth: Infinity, showHidden: true } as const;

test('When credentials are logged in any form, then the secret is not in it', () => {
  const credentials = new ClientCredentials('m2m-client-test-1', 'secret-1');
  credentials.replaceSecret('secret-2');

  const forms = [
    inspect(credentials, showEverything),
    JSON.stringify(credentials),
    JSON.stringify(Object.assign({}, credentials)),
    JSON.stringify(structuredClone(credentials)),
    Object.values(credentials).join(),
  ];

  expect(JSON.parse(forms[1] ?? '')).toEqual({ clientId: 'm2m-client-test-1' });
  expect(forms.join()).not.toMatch(/secret-\d/);
});

test('When what uses the credentials is logged, then neither secret nor token is in it', async () => {
  const credentials = new ClientCredentials('m2m-client-test-1', 'secret-1');
  const answer = { access_token: 'a-token', token_type: 'bearer', expires_in: 3_600 };
  const clients = { get: jest.fn(), secrets: { rotateStart: jest.fn() } };
  const client = { m2m: { token: () => Promise.resolve(answer), clients } };
  const accessTokens = new AccessTokens({ client, credentials });
  await accessTokens.get(['read:users']);
  const rotation = new SecretRotation({
    client: client as unknown as ConstructorParameters<typeof SecretRotation>[0]['client'],
    credentials,
  });

  const forms = [accessTokens, rotation].flatMap((one) => [
    inspect(one, showEverything),
    JSON.stringify(one),
  ]);

  expect(forms.join()).not.toMatch(/secret-\d|a-token/);
});

test('When the secret is replaced, then it is the one in use and its generation grows by one', () => {
  const credentials = new ClientCredentials('m2m-client-test-1', 'secret-1');

  const seen = ['secret-1', 'secret-2', 'secret-2', 'secret-1'].map((secret) => {
    credentials.replaceSecret(secret);
    return [credentials.secret, credentials.generation];
  });

  expect(seen).toEqual([
    ['secret-1', 0],
    ['secret-2', 1],
    ['secret-2', 1],
    ['secret-1', 2],
  ]);
});
