import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { tokenEndpoint } from 'stytch-m2m';
import { certificateFiles, type Owner } from '../../tools/src/certs';
import { CertificateAuthority, type Identity } from '../../packages/certificates/src';
import { startProgram } from '../../tools/src/program';
import { replaceFile } from '../../tools/src/replaceFile';
import type { Stack } from '../../tools/src/stack';
import { start } from '../../tools/src/start';
import { call, during, paid, pay, summary, until } from '../helpers/calls';

const owners = ['payment-server', 'wallet-server', 'local-stytch', 'operator'] as const;
const dayMilliseconds = 86_400_000;

let folder: string;
let authority: CertificateAuthority;
let nextAuthority: CertificateAuthority;
let stack: Stack;
const printed: string[] = [];
const output = () => printed.join('\n');

/** The certificates have names only, so that 127.0.0.1 is an address that does not match. */
const dnsName = (value: string) => ({ type: 'dns' as const, value });

/** Issues a certificate to each owner. The CA file contains both CAs, so that one can replace the other. */
async function issueAll(by: CertificateAuthority): Promise<Record<Owner, Identity>> {
  const entries = await Promise.all(
    owners.map(
      async (owner) => [owner, await by.issue(owner, {}, [owner, 'localhost'].map(dnsName))] as const,
    ),
  );
  for (const [owner, identity] of entries) {
    const { certificate, key } = certificateFiles(folder, owner);
    replaceFile(key, identity.key, 0o600);
    replaceFile(certificate, identity.certificate, 0o600);
  }
  return Object.fromEntries(entries) as Record<Owner, Identity>;
}

let identities: Record<Owner, Identity>;
const trust = () => ({ ca: `${authority.certificate}${nextAuthority.certificate}` });
const as = (owner: Owner) => {
  const { certificate, key } = identities[owner];
  return { ...trust(), cert: certificate, key };
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'e2e-tls-'));
  authority = await CertificateAuthority.create('Test CA');
  nextAuthority = await CertificateAuthority.create('Next CA');
  replaceFile(join(folder, 'ca.pem'), trust().ca, 0o600);
  identities = await issueAll(authority);
  stack = await start({
    mtls: folder,
    local: true,
    environment: { PORT: '0', HEALTH_PORT: '0', DOTENV: 'off', LOG_LEVEL: 'info' },
    print: (text) => printed.push(text),
  });
  for (const { healthUrl } of [stack.wallet, stack.payment]) {
    await until('a probe without a certificate is answered', async () => {
      return (await call(`${healthUrl ?? ''}/readyz`)).status === 200;
    });
  }
});

afterAll(async () => {
  await stack.stop();
  rmSync(folder, { recursive: true });
});

/** Gets an access token as payment-service does. */
async function accessToken(): Promise<string> {
  const { seed } = stack.localStytch!;
  const { STYTCH_PROJECT_ID = '', STYTCH_BASE_URL, CLIENT_ID, CLIENT_SECRET } = seed;
  const { json } = await call(tokenEndpoint({ projectId: STYTCH_PROJECT_ID, baseUrl: STYTCH_BASE_URL }), {
    method: 'POST',
    body: { grant_type: 'client_credentials', client_id: CLIENT_ID, client_secret: CLIENT_SECRET },
    tls: trust(),
  });
  return (json as { access_token: string }).access_token;
}

async function readWallet(owner: Owner, headers: Record<string, string> = {}) {
  const body = { customerId: '67uhjio098uhgt6l' };
  const url = `${stack.wallet.url}/api/check-balance`;
  return summary(await call(url, { method: 'POST', headers, body, tls: as(owner) }));
}

const payAsOperator = () => call(`${stack.payment.url}/initiate-payment`, { tls: as('operator') });

describe('npm start -- --mtls', () => {
  test('When everything runs, then the addresses are https, and the printed calls have the CA and the client certificate', () => {
    for (const { url } of stack.programs) {
      expect(url).toMatch(/^https:\/\/localhost:\d+$/);
      expect(output()).toContain(url);
    }
    expect(output()).toMatch(
      new RegExp(
        `curl --cacert \\S+ca\\.pem --cert \\S+operator\\.pem --key \\S+operator-key\\.pem ${stack.payment.url}/initiate-payment`,
      ),
    );
    expect(output()).toMatch(/=\$\(curl --cacert \S+ca\.pem -s https:/);
  });

  test('When the operator pays with a client certificate, then the payment succeeds', async () => {
    expect(summary(await payAsOperator())).toEqual(paid);
  });

  test('When a caller has no certificate, then both servers refuse the connection', async () => {
    for (const { url } of [stack.payment, stack.wallet]) {
      await expect(call(`${url}/healthz`, { tls: trust() })).rejects.toMatchObject({
        code: expect.stringMatching(/^(ECONNRESET|EPIPE|ERR_SSL_.*)$/) as string,
      });
    }
  });

  test('When another service has a valid token, then the wallet-server refuses it and logs the name of its certificate', async () => {
    const headers = { Authorization: `Bearer ${await accessToken()}` };

    expect(await readWallet('payment-server', headers)).toMatchObject({ status: 200 });
    expect(await readWallet('operator', headers)).toEqual({ status: 403, code: 'client_not_allowed' });
    expect(await readWallet('operator')).toEqual({ status: 403, code: 'client_not_allowed' });
    await until('it is logged', () => /the client's certificate is for DNS:operator, /.test(output()));
  });

  test('When metrics are requested without a certificate, then they contain the expiry of the server certificate', async () => {
    const { text } = await call(`${stack.wallet.healthUrl ?? ''}/metrics`);

    const [, seconds] = /^tls_certificate_expiry_timestamp_seconds (\d+)$/m.exec(text) ?? [];
    expect(Number(seconds) * 1_000 - Date.now()).toBeGreaterThan(89 * dayMilliseconds);
  });

  test('When the wallet-server is called by a name that is not in its certificate, then the answer is 503, and the log says why', async () => {
    const lines: string[] = [];
    const { port } = new URL(stack.wallet.url);
    const payment = await startProgram({
      name: 'payment-server',
      environment: {
        ...process.env,
        ...stack.localStytch?.seed,
        DOTENV: 'off',
        PORT: '0',
        NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
        WALLET_SERVER_URL: `https://127.0.0.1:${port}`,
      },
      onLine: (_name, line) => lines.push(line),
    });

    expect(summary(await pay(payment))).toMatchObject({ status: 503, code: 'wallet_unreachable' });
    await until('it is logged', () => lines.some((line) => line.includes('ERR_TLS_CERT_ALTNAME_INVALID')));
    await payment.stop();
  });

  test('When all certificates are replaced by those of another CA under load, then no payment fails', async () => {
    const options = { ...as('operator'), keepAlive: true, maxSockets: 1 };
    const agent = new Agent(options);
    const ask = () =>
      new Promise<boolean>((resolve, reject) => {
        const sent = request(`${stack.payment.url}/healthz`, { agent }, (response) => {
          response.resume().once('end', () => {
            resolve(sent.reusedSocket);
          });
        });
        sent.once('error', reject).end();
      });
    await ask();
    const before = await serialNumbers();

    const answers = await during(4, payAsOperator, async () => {
      identities = await issueAll(nextAuthority);
      await until('both servers use the new certificates', async () => {
        const now = await serialNumbers();
        return now.every((serialNumber, index) => serialNumber !== before[index]);
      });
      const { length } = printed.filter((line) => line.includes('TLS certificates reloaded'));
      expect(length).toBeGreaterThanOrEqual(2);
    });

    expect(answers.map(summary).filter(({ status }) => status !== 200)).toEqual([]);
    expect(answers.length).toBeGreaterThan(20);
    expect(await ask()).toBe(true);
    agent.destroy();
    expect(summary(await payAsOperator())).toEqual(paid);
  });
});

/** The serial numbers of the certificates that both servers use for new connections. */
function serialNumbers(): Promise<string[]> {
  return Promise.all(
    [stack.payment, stack.wallet].map(
      ({ url }) =>
        new Promise<string>((resolve, reject) => {
          const socket = connect({ ...as('operator'), host: 'localhost', port: Number(new URL(url).port) });
          socket.once('error', reject).once('secureConnect', () => {
            resolve(socket.getPeerCertificate().serialNumber);
            socket.destroy();
          });
        }),
    ),
  );
}

test('When a server’s certificate has expired, then the server does not start, and names the file', async () => {
  const { certificate, key } = await authority.issue('wallet-server', {
    notBefore: new Date(Date.now() - 2 * dayMilliseconds),
    notAfter: new Date(Date.now() - dayMilliseconds),
  });
  const files = { TLS_CERT_FILE: join(folder, 'old.pem'), TLS_KEY_FILE: join(folder, 'old-key.pem') };
  replaceFile(files.TLS_CERT_FILE, certificate, 0o600);
  replaceFile(files.TLS_KEY_FILE, key, 0o600);
  const lines: string[] = [];

  const starting = startProgram({
    name: 'wallet-server',
    environment: { ...process.env, ...stack.localStytch?.seed, DOTENV: 'off', PORT: '0', ...files },
    onLine: (_name, line) => lines.push(line),
  });

  await expect(starting).rejects.toThrow('wallet-server ended (1) before it listened');
  expect(lines).toContainEqual(
    expect.stringMatching(
      /^ {2}TLS_CERT_FILE: \S+old\.pem contains the certificate of CN=wallet-server, which expired at/,
    ),
  );
});
