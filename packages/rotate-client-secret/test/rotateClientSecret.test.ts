import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { ConfigError } from 'service-kit';
import { type LocalStytch, start } from '../../local-stytch/src/server';
import { createTlsFolder, type TlsFolder } from '../../service-kit/test/tlsFolder';
import { CertificateAuthority } from '../../certificates/src';
import { printWhole, rotateSecret } from '../src/rotateClientSecret';

const stopReason = new Error('stopped');

let stytch: LocalStytch;
let payment: Server;
let behave: RequestListener;
let requests: { method: string | undefined; url: string | undefined; authorization: string | undefined }[];

beforeAll(async () => {
  stytch = await start({ PORT: '0', LOG_LEVEL: 'silent' });
  payment = createServer((incoming, response) => {
    const { method, url, headers } = incoming;
    requests.push({ method, url, authorization: headers.authorization });
    behave(incoming, response);
  });
  await new Promise<void>((resolve) => payment.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await new Promise((resolve) => payment.close(resolve));
  await stytch.close();
});
beforeEach(() => {
  requests = [];
  behave = answer(200, { message: 'Secret rotation completed successfully' });
});

function answer(status: number, body: unknown): RequestListener {
  return (_request, response) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const type = typeof body === 'string' ? 'text/html' : 'application/json';
    response.writeHead(status, { 'Content-Type': type, Connection: 'close' }).end(text);
  };
}

function environment(change: Record<string, string> = {}) {
  const { port } = payment.address() as AddressInfo;
  return { ...stytch.seed, PAYMENT_SERVER_URL: `http://127.0.0.1:${port}`, ...change };
}

describe('npm run rotate-secret', () => {
  test.each([['<html>welcome</html>'], [{}], [{ message: 1 }]])(
    'When the answer is 200 with %j, then it fails',
    async (body) => {
      behave = answer(200, body);

      await expect(rotateSecret(environment())).rejects.toThrow('/rotate-client-secret answered 200');
    },
  );

  test('When the rotation succeeds, then there was one request, as the operator, and its message is returned', async () => {
    await expect(rotateSecret(environment())).resolves.toBe('Secret rotation completed successfully');

    expect(requests).toEqual([
      {
        method: 'POST',
        url: '/rotate-client-secret',
        authorization: expect.stringMatching(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/) as string,
      },
    ]);
    const [, claims = ''] = requests[0]?.authorization?.split('.') ?? [];
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
      scope: 'manage:m2m_clients',
    });
  });

  test('When the server keeps the new secret in memory only, then the secret is returned', async () => {
    behave = answer(200, { message: 'Done', client_secret: 'second-bbbb', warning: 'Store it' });

    await expect(rotateSecret(environment())).resolves.toBe('Done\nStore it\nCLIENT_SECRET=second-bbbb');
  });

  test.each([
    [
      409,
      { error: 'A rotation is at work', code: 'rotation_conflict' },
      'answered 409: A rotation is at work',
    ],
    [502, '<html></html>', 'answered 502: no reason given'],
    [503, null, 'answered 503: no reason given'],
    [302, {}, 'answered 302: no reason given'],
  ])('When the server answers %d with %j, then the error says why', async (status, body, why) => {
    behave = answer(status, body);

    await expect(rotateSecret(environment())).rejects.toThrow(`/rotate-client-secret ${why}`);
  });

  test('When the operator’s secret is wrong, then the error has Stytch’s message, and the server is not called', async () => {
    const wrong = environment({ OPERATOR_CLIENT_SECRET: 'wrong-secret' });

    const error: unknown = await rotateSecret(wrong).catch((thrown: unknown) => thrown);

    expect((error as Error).message).toMatch(/^\/v1\/public\/.*\/oauth2\/token answered 400: ./);
    expect((error as Error).message).not.toContain('wrong-secret');
    expect(requests).toEqual([]);
  });

  test('When the operator’s secret is in a file, then it is read', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'operator-'));
    const file = join(folder, 'client-secret');
    writeFileSync(file, `${stytch.seed['OPERATOR_CLIENT_SECRET'] ?? ''}\n`);

    const settings = new Map(Object.entries(environment({ OPERATOR_CLIENT_SECRET_FILE: file })));
    settings.delete('OPERATOR_CLIENT_SECRET');

    await expect(rotateSecret(Object.fromEntries(settings))).resolves.toBe(
      'Secret rotation completed successfully',
    );
    rmSync(folder, { recursive: true });
  });

  test('When it is stopped during the token request, then it ends, and requests no rotation', async () => {
    const stopping = new AbortController();
    behave = () => {
      stopping.abort(stopReason);
    };
    const { PAYMENT_SERVER_URL } = environment();

    const stopped = rotateSecret(environment({ STYTCH_BASE_URL: PAYMENT_SERVER_URL }), stopping.signal);

    await expect(stopped).rejects.toBe(stopReason);
    expect(requests).toMatchObject([{ url: expect.stringMatching(/oauth2.token$/) as string }]);
  });

  test('When it is stopped during the rotation, then it waits for the answer, which may have the only copy of the secret', async () => {
    const said = jest.spyOn(console, 'error').mockImplementation();
    const stopping = new AbortController();
    behave = (incoming, response) => {
      stopping.abort(stopReason);
      answer(200, { message: 'Done', client_secret: 'second-bbbb' })(incoming, response);
    };

    await expect(rotateSecret(environment(), stopping.signal)).resolves.toBe(
      'Done\nCLIENT_SECRET=second-bbbb',
    );

    expect(said.mock.calls).toEqual([[expect.stringContaining('The rotation has started')]]);
    said.mockRestore();
  });

  test('When the new secret cannot be printed, then the error says what to do', async () => {
    const full = new Writable({
      write: (_chunk, _encoding, done) => {
        done(new Error('ENOSPC'));
      },
    }).on('error', () => undefined);

    await expect(printWhole('CLIENT_SECRET=second-bbbb', full)).rejects.toThrow(
      /ENOSPC.*rotate it once more/,
    );
  });

  test('When the server is down, then the error has its address', async () => {
    const away = environment({ PAYMENT_SERVER_URL: 'http://127.0.0.1:1' });

    await expect(rotateSecret(away)).rejects.toThrow('http://127.0.0.1:1 is unreachable: ');
  });

  test('When the address is plain http to another machine, then nothing is sent', async () => {
    const elsewhere = environment({ PAYMENT_SERVER_URL: 'http://payment-server:6000' });

    await expect(rotateSecret(elsewhere)).rejects.toThrow('PAYMENT_SERVER_URL: must be https:// unless');
    expect(requests).toEqual([]);
  });

  describe('over mutual TLS', () => {
    let folder: TlsFolder;
    let authority: CertificateAuthority;
    let secure: SecureServer;

    beforeAll(async () => {
      authority = await CertificateAuthority.create();
      folder = createTlsFolder(await authority.issue('operator'), authority.certificate);
      const { certificate, key } = await authority.issue('payment-server');
      const mutual = { ca: authority.certificate, requestCert: true, rejectUnauthorized: true };
      secure = createSecureServer({ cert: certificate, key, ...mutual }, (incoming, response) => {
        behave(incoming, response);
      });
      await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    });
    afterAll(async () => {
      folder.remove();
      await new Promise((resolve) => secure.close(resolve));
    });

    const secureEnvironment = (change: Record<string, string>) => {
      const { port } = secure.address() as AddressInfo;
      return environment({ PAYMENT_SERVER_URL: `https://localhost:${port}`, ...change });
    };

    test('When it has a certificate and the CA, then the payment-server answers', async () => {
      await expect(rotateSecret(secureEnvironment({ ...folder.settings }))).resolves.toBe(
        'Secret rotation completed successfully',
      );
    });

    test('When it has no certificate, then the error says that the server is unreachable', async () => {
      await expect(rotateSecret(secureEnvironment({}))).rejects.toThrow(/localhost:\d+ is unreachable: /);
    });

    test('When a file does not exist, then the error names it', async () => {
      const missing = secureEnvironment({ ...folder.settings, TLS_KEY_FILE: '/nowhere/key.pem' });

      await expect(rotateSecret(missing)).rejects.toThrow('TLS_KEY_FILE: /nowhere/key.pem does not exist');
    });
  });

  test('When settings are missing, then each is named', async () => {
    const starting = rotateSecret({});

    await expect(starting).rejects.toBeInstanceOf(ConfigError);
    await expect(starting).rejects.toThrow(
      /STYTCH_PROJECT_ID: is missing(.|\n)*OPERATOR_CLIENT_ID: is missing(.|\n)*OPERATOR_CLIENT_SECRET: is missing/,
    );
  });
});
