import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Program } from '../../tools/src/program';
import { paid, pay, summary } from '../helpers/calls';
import { useRotationWorld } from '../helpers/rotationWorld';

const world = useRotationWorld();

describe('Mistakes of an operator', () => {
  let payment: Program;
  beforeEach(async () => {
    writeFileSync(world.path, `${world.seed('CLIENT_SECRET')}\nlast-rotated: 2026-01-01T12:00:00.000Z\n`);
    payment = await world.startPayment();
  });

  /** Expects that a call is refused and changes neither the file nor the status nor the secret at Stytch. */
  async function expectRefused(
    route: string,
    expected: { status: number; code: string; error?: string },
    token?: string,
  ) {
    const state = async () => ({
      file: readFileSync(world.path, 'utf8'),
      status: (await world.administer(payment, 'rotation-status', 'GET')).json,
      folder: readdirSync(join(world.path, '..')),
    });
    const before = await state();
    const answer = await world.administer(payment, route, 'POST', token);
    expect(answer.json).toMatchObject({ code: expected.code, error: expected.error ?? expect.any(String) });
    expect(answer.status).toBe(expected.status);
    expect(await state()).toEqual(before);
    expect(await world.works(world.storedSecrets().secret)).toBe(true);
  }

  test('When complete or cancel is called without a start, then it is refused', async () => {
    const refusal = { status: 400, code: 'm2m_client_not_rotating_secret' };
    await expectRefused('complete-secret-rotation', refusal);
    await expectRefused('cancel-secret-rotation', refusal);
  });

  test('When start is called twice, then the second call is refused and both secrets work', async () => {
    const next = await world.succeed(payment, 'start-secret-rotation');

    const refusal = { status: 409, code: 'rotation_conflict' };
    const error = 'A rotation is under way: complete or cancel it first';
    await expectRefused('start-secret-rotation', { ...refusal, error });
    await expectRefused('rotate-client-secret', { ...refusal, error });

    expect(await world.works(String(next))).toBe(true);
    expect(world.storedSecrets().nextSecret).toBe(next);
  });

  test('When the token lacks the scope, then each call is refused', async () => {
    const wrong = await world.stytch.mint();

    for (const route of ['start', 'complete', 'cancel'].map((operation) => `${operation}-secret-rotation`)) {
      await expectRefused(route, { status: 403, code: 'insufficient_scope' }, wrong);
    }
    await expectRefused('rotate-client-secret', { status: 403, code: 'insufficient_scope' }, wrong);
  });

  test('When the client does not exist, then each call is refused with the error of Stytch', async () => {
    payment = await world.startPayment({ CLIENT_ID: 'm2m-client-test-00000000-0000-0000-0000-000000000000' });

    for (const route of ['start-secret-rotation', 'rotate-client-secret', 'complete-secret-rotation']) {
      await expectRefused(route, { status: 404, code: 'm2m_client_not_found' });
    }
  });

  test('When Stytch is down, then each call is refused, and works once Stytch is up', async () => {
    for (const route of ['start', 'complete', 'start', 'cancel'].map((one) => `${one}-secret-rotation`)) {
      await world.stytch.addFault('/v1/m2m/*', { kind: 'status', status: 500 });
      const before = (await world.administer(payment, 'rotation-status', 'GET')).json;

      const answer = await world.administer(payment, route);

      expect(summary(answer)).toMatchObject({ status: 500, code: 'internal_server_error' });
      expect((await world.administer(payment, 'rotation-status', 'GET')).json).toEqual(before);
      expect(summary(await pay(payment))).toEqual(paid);
      await world.stytch.clearFaults();
      await world.succeed(payment, route);
    }
  });

  test('When the file is deleted, then each call is refused, nothing changes at Stytch, and payments continue', async () => {
    rmSync(world.path);

    for (const route of ['start-secret-rotation', 'rotate-client-secret', 'complete-secret-rotation']) {
      const answer = await world.administer(payment, route);
      expect(summary(answer)).toEqual({ status: 500, code: 'secret_store_failed' });
      expect(answer.text).toContain('The file of the client secret cannot be');
      expect(answer.text).not.toContain(world.path);
    }

    expect(summary(await pay(payment))).toEqual(paid);
    writeFileSync(world.path, world.seed('CLIENT_SECRET'));
    await world.succeed(payment, 'rotate-client-secret');
  });
});

describe('A payment-server whose secret is in memory only', () => {
  test('When it rotates the secret, then the answers and the log say that the new secret must be stored', async () => {
    const payment = await world.startPayment({
      CLIENT_SECRET: world.seed('CLIENT_SECRET'),
      CLIENT_SECRET_FILE: '',
    });
    const warning =
      'The new secret is kept in memory only: store it in CLIENT_SECRET before this server is restarted';

    const rotated = await world.administer(payment, 'rotate-client-secret');
    const { client_secret } = rotated.json as { client_secret: string };
    await world.succeed(payment, 'start-secret-rotation');
    const completed = await world.succeed(payment, 'complete-secret-rotation');

    const message = 'Secret rotation completed successfully';
    expect(rotated.json).toEqual({ message, client_secret, warning });
    expect(rotated.headers['cache-control']).toBe('no-store');
    expect(completed).toEqual({ message, warning });
    expect(await world.works(client_secret)).toBe(false);
    expect(world.lines.join('\n')).toContain('store it in CLIENT_SECRET before a restart');
    expect(world.lines.join('\n')).not.toContain(client_secret);
  }, 30_000);
});
