import '../../packages/service-kit/test/closedNetwork';
import { once } from 'node:events';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TlsCredentials, TlsSource } from 'service-kit';
import { secure } from '../../packages/service-kit/test/secureCalls';
import { CertificateAuthority, type Identity } from '../../packages/certificates/src';
import { paymentInfo } from '../src/payments';
import { WalletClient } from '../src/wallet/walletClient';
import { type Behaviour, good } from './fakeWallet';

let authority: CertificateAuthority;
let other: CertificateAuthority;
let server: Identity;

beforeAll(async () => {
  authority = await CertificateAuthority.create('Test CA');
  other = await CertificateAuthority.create('Another CA');
  server = await authority.issue('wallet-server');
});

beforeEach(() => {
  jest.spyOn(Math, 'random').mockReturnValue(0);
});

afterEach(() => {
  jest.restoreAllMocks();
  for (const wallet of wallets.splice(0)) {
    wallet.closeAllConnections();
    wallet.close();
  }
});

const wallets: Server[] = [];

/** Starts a wallet-server over TLS that records the names on its callers' certificates. */
async function startWallet(options: ServerOptions = {}, behave: Behaviour = good) {
  const callers: (string | undefined)[] = [];
  const wallet = createServer(
    { cert: server.certificate, key: server.key, ...options },
    (request, response) => {
      const { subject } = secure(request.socket).getPeerCertificate() as Partial<{
        subject: { CN: string };
      }>;
      callers.push(subject?.CN);
      behave(request, response);
    },
  );
  wallets.push(wallet);
  wallet.listen(0, '127.0.0.1');
  await once(wallet, 'listening');
  return { callers, url: `https://localhost:${(wallet.address() as AddressInfo).port}` };
}

const mutual = () => ({ ca: authority.certificate, requestCert: true, rejectUnauthorized: true });

/** TLS credentials that the test can change, without files. */
function source(identity: Identity, ca: string) {
  const listeners: ((credentials: TlsCredentials) => void)[] = [];
  const credentials = (of: Identity) => ({ cert: of.certificate, key: of.key, ca, expiresAt: new Date() });
  const tls: TlsSource = {
    current: credentials(identity),
    onChange: (listener) => void listeners.push(listener),
  };
  const change = (to: Identity) => {
    for (const listener of listeners) listener(credentials(to));
  };
  return { tls, change };
}

const checkBalance = (client: WalletClient) =>
  client.checkBalance(paymentInfo, 'access-token-1', {
    requestId: 'request-1',
    signal: new AbortController().signal,
  });

const unreachable = (cause: string | RegExp) => ({
  reason: 'unavailable',
  message: expect.stringMatching(cause) as string,
});

describe('The wallet client over TLS', () => {
  test('When both have a certificate of the CA, then the wallet answers and sees the caller’s name', async () => {
    const { url, callers } = await startWallet(mutual());
    const { tls } = source(await authority.issue('payment-server'), authority.certificate);

    await expect(checkBalance(new WalletClient({ url, tls }))).resolves.toMatchObject({
      walletBalance: 1790,
    });

    expect(callers).toEqual(['payment-server']);
  });

  test('When the wallet’s certificate is of another CA, then the call fails and the error says why', async () => {
    const { url, callers } = await startWallet();
    const { tls } = source(await other.issue('payment-server'), other.certificate);

    await expect(checkBalance(new WalletClient({ url, tls }))).rejects.toMatchObject(
      unreachable(/UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT_LOCALLY/),
    );

    expect(callers).toEqual([]);
  });

  test('When no CA is configured, then a private CA is not trusted', async () => {
    const { url } = await startWallet();

    await expect(checkBalance(new WalletClient({ url }))).rejects.toMatchObject(unreachable(/UNABLE_TO/));
  });

  test('When the wallet’s certificate is for another name, then the call fails and the error says why', async () => {
    const { certificate, key } = await authority.issue('x', {}, [{ type: 'dns', value: 'wallet.example' }]);
    const { url, callers } = await startWallet({ cert: certificate, key });
    const { tls } = source(await authority.issue('payment-server'), authority.certificate);

    await expect(checkBalance(new WalletClient({ url, tls }))).rejects.toMatchObject(
      unreachable('ERR_TLS_CERT_ALTNAME_INVALID'),
    );

    expect(callers).toEqual([]);
  });

  test('When the wallet’s certificate has expired, then the call fails and the error says why', async () => {
    const expired = {
      notBefore: new Date(Date.now() - 2_000_000),
      notAfter: new Date(Date.now() - 1_000_000),
    };
    const { certificate, key } = await authority.issue('wallet-server', expired);
    const { url } = await startWallet({ cert: certificate, key });
    const { tls } = source(await authority.issue('payment-server'), authority.certificate);

    await expect(checkBalance(new WalletClient({ url, tls }))).rejects.toMatchObject(
      unreachable('CERT_HAS_EXPIRED'),
    );
  });

  test.each([
    ['is of another CA', () => other.issue('payment-server')],
    ['has expired', () => authority.issue('payment-server', { notAfter: new Date(Date.now() - 1_000) })],
  ])('When the client’s certificate %s, then the call fails', async (_name, issue) => {
    const { url, callers } = await startWallet(mutual());
    const { tls } = source(await issue(), authority.certificate);

    await expect(checkBalance(new WalletClient({ url, tls }))).rejects.toMatchObject(
      unreachable(/ECONNRESET|EPIPE|ERR_SSL/),
    );

    expect(callers).toEqual([]);
  });

  test('When the wallet requires a certificate and the client has no certificate, then the call fails', async () => {
    const { url } = await startWallet(mutual());
    const tls = { current: { ca: authority.certificate }, onChange: () => undefined } as unknown as TlsSource;

    const error: unknown = await checkBalance(new WalletClient({ url, tls })).catch(
      (thrown: unknown) => thrown,
    );

    expect(error).toMatchObject(unreachable(/ECONNRESET|EPIPE|ERR_SSL/));
  });

  test('When the wallet is called many times, then two connections are reused', async () => {
    const ports = new Set<number | undefined>();
    const { url } = await startWallet(mutual(), (request, response) => {
      ports.add(request.socket.remotePort);
      good(request, response);
    });
    const { tls } = source(await authority.issue('payment-server'), authority.certificate);
    const client = new WalletClient({ url, tls });

    for (let times = 0; times < 20; times += 1) await checkBalance(client);

    expect(ports.size).toBeLessThanOrEqual(2);
  });

  test('When the certificates change, then calls in flight finish, idle connections close and new ones use the new certificate', async () => {
    const held: (() => void)[] = [];
    const sockets = new Set<Socket>();
    const { url, callers } = await startWallet(mutual(), (request, response) => {
      sockets.add(request.socket);
      held.push(() => {
        good(request, response);
      });
    });
    const { tls, change } = source(await authority.issue('first'), authority.certificate);
    const client = new WalletClient({ url, tls });
    const arrived = async (count: number) => {
      while (held.length < count) await new Promise(setImmediate);
    };
    const inFlight = checkBalance(client);
    const soonIdle = checkBalance(client);
    await arrived(2);
    held[1]?.();
    await soonIdle;
    const ends = [...sockets].map((socket) => once(socket, 'close'));

    change(await authority.issue('second'));
    const next = checkBalance(client);
    await arrived(3);
    held[0]?.();
    held[2]?.();

    await expect(inFlight).resolves.toMatchObject({ walletBalance: 1790 });
    await expect(next).resolves.toMatchObject({ walletBalance: 1790 });
    expect(callers).toEqual(['first', 'first', 'second']);
    await Promise.all(ends);
    expect([...sockets].map(({ destroyed }) => destroyed)).toEqual([true, true, false]);
  });
});
