import { writeSync } from 'node:fs';
import { Client } from 'stytch';
import { FileSecretStore, SecretRotation } from 'stytch-m2m';

/**
 * Rotates the secret in a file: `rotateAndDie.ts <operations> <step to die at>`. The operations are methods of
 * SecretRotation, separated by commas. The program prints each step that it reaches and kills itself at the step with
 * the given number, counted from 1. With 0 it runs to the end.
 */
async function main([operations = '', last = '0']: readonly string[]): Promise<void> {
  const { STYTCH_PROJECT_ID = '', STYTCH_SECRET = '', STYTCH_BASE_URL = '' } = process.env;
  const { CLIENT_ID = '', CLIENT_SECRET_FILE = '' } = process.env;
  const client = new Client({ project_id: STYTCH_PROJECT_ID, secret: STYTCH_SECRET, env: STYTCH_BASE_URL });
  let steps = 0;
  const step = (name: string) => {
    steps += 1;
    writeSync(1, `${name}\n`);
    if (steps === Number(last)) process.kill(process.pid, 'SIGKILL');
  };
  const store = stepping(new FileSecretStore(CLIENT_SECRET_FILE), ['write'], step);
  const { clients } = client.m2m;
  const secrets = stepping(clients.secrets, ['rotateStart', 'rotate', 'rotateCancel'], step);
  const own = stepping(clients, ['get'], step);
  const token: typeof client.m2m.token = (data) => stepping(client.m2m, ['token'], step).token(data);
  const m2m = { token, clients: { get: (data: { client_id: string }) => own.get(data), secrets } };
  const rotation = new SecretRotation({ client: { m2m }, clientId: CLIENT_ID, store });
  for (const operation of operations.split(',')) {
    await rotation[operation as 'start' | 'complete' | 'cancel' | 'rotate' | 'recover']();
  }
}

/** Wraps an object: each call of one of these methods is a step, and so is its end. */
function stepping<Target extends object>(
  target: Target,
  names: string[],
  step: (name: string) => void,
): Target {
  return new Proxy(target, {
    get(_target, name: string) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...values: unknown[]) => {
        if (names.includes(name)) step(name);
        const result: unknown = await value.apply(target, values);
        if (names.includes(name)) step(`${name} done`);
        return result;
      };
    },
  });
}

main(process.argv.slice(-2)).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(String(error));
    process.exit(1);
  },
);
