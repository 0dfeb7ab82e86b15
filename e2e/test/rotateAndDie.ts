import { writeSync } from 'node:fs';
import { Client } from 'stytch';
import { ClientCredentials, SecretFile, SecretRotation } from 'stytch-m2m';

/**
 * Rotates the secret that a file keeps: `rotateAndDie.ts <steps> <step to die at>`, where the steps are
 * methods of SecretRotation with commas between them. Writes each step that it comes to, and kills itself at
 * the one of that number; at none, if that is 0.
 */
async function main([operations = '', last = '0']: readonly string[]): Promise<void> {
  const { STYTCH_PROJECT_ID = '', STYTCH_SECRET = '', STYTCH_BASE_URL = '' } = process.env;
  const { CLIENT_ID = '', CLIENT_SECRET_FILE = '' } = process.env;
  const client = new Client({ project_id: STYTCH_PROJECT_ID, secret: STYTCH_SECRET, env: STYTCH_BASE_URL });
  const store = new SecretFile(CLIENT_SECRET_FILE);
  const { credentials } = await ClientCredentials.follow(CLIENT_ID, store);
  let steps = 0;
  const onStep = (step: string) => {
    steps += 1;
    writeSync(1, `${step}\n`);
    if (steps === Number(last)) process.kill(process.pid, 'SIGKILL');
  };
  const rotation = new SecretRotation({ client, credentials, store, onStep });
  for (const operation of operations.split(',')) {
    await rotation[operation as 'start' | 'complete' | 'cancel' | 'rotate' | 'recover']();
  }
}

main(process.argv.slice(-2)).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(String(error));
    process.exit(1);
  },
);
