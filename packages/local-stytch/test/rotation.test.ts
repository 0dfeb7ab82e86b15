import type { Client } from 'stytch';
import { expectStytchError, startLocalStytch, type TestStytch } from './localStytch';

let stytch: TestStytch;
let sdk: Client;
let secrets: Client['m2m']['clients']['secrets'];
let client_id: string;
beforeAll(async () => {
  stytch = await startLocalStytch();
  sdk = stytch.sdk();
  secrets = sdk.m2m.clients.secrets;
  client_id = stytch.seed.clientId;
});
beforeEach(() => stytch.admin('POST', '/reset'));
afterAll(() => stytch.close());

async function works(client_secret: string): Promise<boolean> {
  try {
    await sdk.m2m.token({ client_id, client_secret });
    return true;
  } catch {
    return false;
  }
}

async function startRotation(): Promise<string> {
  const { m2m_client } = await secrets.rotateStart({ client_id });
  return m2m_client.next_client_secret;
}

test('after the start both secrets work, and the next one is shown once', async () => {
  const { m2m_client } = await secrets.rotateStart({ client_id });

  const { next_client_secret } = m2m_client;
  expect(next_client_secret).toMatch(/^[\w-]{44}$/);
  expect(m2m_client.next_client_secret_last_four).toBe(next_client_secret.slice(-4));
  expect(await works(stytch.seed.clientSecret)).toBe(true);
  expect(await works(next_client_secret)).toBe(true);
  const got = await sdk.m2m.clients.get({ client_id });
  expect(got.m2m_client).toMatchObject({
    client_secret_last_four: stytch.seed.clientSecret.slice(-4),
    next_client_secret_last_four: next_client_secret.slice(-4),
  });
  expect(JSON.stringify(got)).not.toContain(next_client_secret);
});

test('completion makes the next secret the only one', async () => {
  const next = await startRotation();

  const { m2m_client } = await secrets.rotate({ client_id });

  expect(m2m_client).toMatchObject({
    client_secret_last_four: next.slice(-4),
    next_client_secret_last_four: null,
  });
  expect(await works(stytch.seed.clientSecret)).toBe(false);
  expect(await works(next)).toBe(true);
});

test('after cancelling, the next secret does not work', async () => {
  const next = await startRotation();

  const { m2m_client } = await secrets.rotateCancel({ client_id });

  expect(m2m_client.next_client_secret_last_four).toBeNull();
  expect(await works(stytch.seed.clientSecret)).toBe(true);
  expect(await works(next)).toBe(false);
});

test('a lost next secret is recovered by cancelling and starting again', async () => {
  const lost = await startRotation();
  await secrets.rotateCancel({ client_id });
  const next = await startRotation();
  await secrets.rotate({ client_id });

  expect(await works(next)).toBe(true);
  expect(await works(lost)).toBe(false);
});

test('a second start is refused and changes nothing', async () => {
  const next = await startRotation();

  await expectStytchError(secrets.rotateStart({ client_id }), 400, 'm2m_client_already_rotating_secret');

  expect(await works(next)).toBe(true);
});

test('of two starts at the same time one is refused', async () => {
  const outcomes = await Promise.allSettled([startRotation(), startRotation()]);

  const started = outcomes.filter((outcome) => outcome.status === 'fulfilled');
  expect(started).toHaveLength(1);
  expect(await works(started[0]!.value)).toBe(true);
});

test('completing or cancelling without a start is refused and changes nothing', async () => {
  await expectStytchError(secrets.rotate({ client_id }), 400, 'm2m_client_not_rotating_secret');
  await expectStytchError(secrets.rotateCancel({ client_id }), 400, 'm2m_client_not_rotating_secret');

  expect(await works(stytch.seed.clientSecret)).toBe(true);
});
