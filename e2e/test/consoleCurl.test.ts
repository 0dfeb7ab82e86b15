import { execFileSync } from 'node:child_process';
import { curlOfCall, curlOfLocalCall, curlOfRequest } from '../../packages/local-stytch/console/curl';
import type { ConsoleInfo, RequestDetails, ServiceCall } from '../../packages/local-stytch/src/consoleApi';

const info: ConsoleInfo = {
  project_id: 'project-test-1',
  base_url: 'http://localhost:5005',
  version: '0.1.0',
  services: [
    { name: 'orders', url: 'http://localhost:3000' },
    { name: 'secure', url: 'https://localhost:3001' },
  ],
  scenarios: [],
};
const call = (more: Partial<ServiceCall> = {}): ServiceCall => ({
  service: 'orders',
  method: 'GET',
  path: '/orders',
  ...more,
});

/** Runs commands in a shell with another `curl`, which shows its arguments. Each of its answers has the token `t`. */
function argumentsOf(commands: string): string[][] {
  const curl = `curl() { { for one; do printf '%s\\0' "$one"; done; printf '\\n\\0'; } >&3; echo '{"access_token":"t"}'; }`;
  const shown = execFileSync('sh', ['-c', `exec 3>&1 >/dev/null\n${curl}\n${commands}`], {
    encoding: 'utf8',
    env: { ...process.env, CLIENT_SECRET: 's e', STYTCH_SECRET: 'p', LOCAL_STYTCH_ADMIN_TOKEN: 'a' },
  });
  const calls = shown.split('\n\0').slice(0, -1);
  return calls.map((one) => one.split('\0').slice(0, -1));
}

describe('A call as a curl command', () => {
  test('When there is no token, then it is one line', () => {
    expect(curlOfCall(call(), info, false)).toBe('curl -s http://localhost:3000/orders');
  });

  test('When the token is of a client, then the first command gets it with the secret in $CLIENT_SECRET', () => {
    const token = { kind: 'client' as const, client_id: 'm2m client', scope: 'a b' };

    expect(argumentsOf(curlOfCall(call({ token }), info, false))).toEqual([
      [
        '-s',
        'http://localhost:5005/v1/public/project-test-1/oauth2/token',
        '-d',
        'grant_type=client_credentials',
        '-d',
        'client_id=m2m%20client',
        '--data-urlencode',
        'client_secret=s e',
        '-d',
        'scope=a%20b',
      ],
      ['-s', 'http://localhost:3000/orders', '-H', 'Authorization: Bearer t'],
    ]);
  });

  test('When the token is minted, then the first command mints it', () => {
    const token = { kind: 'minted' as const, claims: { exp: 1 } };
    const [mint = [], called = []] = argumentsOf(curlOfCall(call({ token }), info, true));

    expect(mint).toEqual(expect.arrayContaining(['Authorization: Bearer a', '{"claims":{"exp":1}}']));
    expect(called).toContain('Authorization: Bearer t');
  });

  test('When the token is a text, then it is in the command, unless it may be a real one', () => {
    const of = (text: string) => curlOfCall(call({ token: { kind: 'text', text } }), info, false);

    expect(of("gar'bage")).toContain(`TOKEN='gar'\\''bage'`);
    expect(of('eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln')).not.toContain('eyJ');
  });

  test('When path and body have characters of the shell and of curl, then curl gets them as they are', () => {
    const path = `/a/../b?q='$(touch x)'&r=[1-9]{a,b}\`x\` -d y`;
    const body = { text: `'"$HOME" \\ -H x\n!` };

    const [given = []] = argumentsOf(curlOfCall(call({ method: 'PUT', path, body }), info, false));
    expect(given).toEqual([
      '-s',
      '-X',
      'PUT',
      '--path-as-is',
      '--globoff',
      `http://localhost:3000${path}`,
      '-H',
      'Content-Type: application/json',
      '-d',
      JSON.stringify(body),
    ]);
  });

  test('When the service has TLS, then the command has a place for the certificates', () => {
    expect(curlOfCall(call({ service: 'secure' }), info, false)).toContain('--cert "$TLS_CERT_FILE"');
  });

  test('When it is a call of the admin API, then it has the admin token where there is one', () => {
    const local = { method: 'POST' as const, path: '/local/faults', body: { path: '*', kind: 'hang' } };

    expect(curlOfLocalCall(local, info, false)).not.toContain('Authorization');
    expect(argumentsOf(curlOfLocalCall(local, info, true))[0]).toContain('Authorization: Bearer a');
  });
});

describe('A logged request as a curl command', () => {
  const details = (authorization: string, body: string | null): RequestDetails => ({
    request: {
      id: 1,
      method: 'POST',
      path: '/v1/m2m/clients',
      at: '2026-01-01T00:00:00.000Z',
      status: 200,
      code: null,
      duration_milliseconds: 1,
    },
    received: { headers: { authorization, 'content-type': 'application/json' }, query: null, body },
    answered: null,
  });

  test('When the project is authenticated, then its secret is $STYTCH_SECRET', () => {
    const [given = []] = argumentsOf(curlOfRequest(details('Basic project-test-1:••••', '@x'), info));

    expect(given).toEqual(expect.arrayContaining(['-u', 'project-test-1:p', '--data-raw', '@x']));
  });

  test('When a client is authenticated, then its secret is $CLIENT_SECRET', () => {
    const [given = []] = argumentsOf(curlOfRequest(details('Basic client 1:••••', ''), info));

    expect(given).toEqual(expect.arrayContaining(['-u', 'client 1:s e']));
  });

  test('When a secret in the body is masked, then it is $CLIENT_SECRET', () => {
    const [given = []] = argumentsOf(curlOfRequest(details('', `{"a":"it's","client_secret":"••••"}`), info));

    expect(given.at(-1)).toBe(`{"a":"it's","client_secret":"s e"}`);
  });

  test('When the request has a query, then the command has it', () => {
    const logged = details('', null);
    const received = { ...logged.received, query: 'a=1&token=••••' };

    expect(curlOfRequest({ ...logged, received }, info)).toContain(`clients?a=1&token='"$CLIENT_SECRET"`);
  });
});
