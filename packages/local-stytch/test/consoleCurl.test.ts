import { execFileSync } from 'node:child_process';
import { curlOfRequest } from '../console/curl';
import type { ConsoleInfo, RequestDetails } from '../src/consoleApi';

const info: ConsoleInfo = {
  project_id: 'project-test-1',
  base_url: 'http://localhost:5005',
  version: '0.1.0',
  services: [],
  scenarios: [],
};

function details(received: Partial<RequestDetails['received']>, path = '/v1/m2m/clients'): RequestDetails {
  return {
    request: {
      id: 1,
      method: 'POST',
      path,
      at: '2026-01-01T00:00:00.000Z',
      status: 200,
      code: null,
      duration_milliseconds: 1,
    },
    received: { headers: {}, query: null, body: null, ...received },
    answered: null,
  };
}

/** The arguments that curl gets from a POSIX shell. */
function argumentsOf(command: string): string[] {
  const script = `curl() { printf '%s\\0' "$@"; }\nCLIENT_SECRET=c; STYTCH_SECRET=s; TOKEN=t\n${command}`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

test('When a body has quotes, lines and options of curl, then curl gets it as it is', () => {
  const body = `{"a":"it's -d \\"x\\" -H $HOME \`id\` \\\\ ;","b":"\n"}`;

  expect(argumentsOf(curlOfRequest(details({ body }), info))).toEqual([
    '-s',
    'http://localhost:5005/v1/m2m/clients',
    '--data-raw',
    body,
  ]);
});

test('When a secret of the body is masked, then $CLIENT_SECRET is in its place', () => {
  const body = 'grant_type=client_credentials&client_secret=••••&client_id=1';

  expect(argumentsOf(curlOfRequest(details({ body }), info))).toContain(
    'grant_type=client_credentials&client_secret=c&client_id=1',
  );
});

test.each([
  ['Basic project-test-1:••••', ['-u', 'project-test-1:s']],
  ['Basic client 1:••••', ['-u', 'client 1:c']],
  ['Bearer ••••', ['-H', 'Authorization: Bearer t']],
])(
  'When the credentials were %s, then the command has a variable in place of the secret',
  (header, expected) => {
    const command = curlOfRequest(details({ headers: { authorization: header } }), info);

    expect(argumentsOf(command)).toEqual(expect.arrayContaining(expected));
  },
);

test('When the path has what a shell or curl would change, then the address is as it was', () => {
  const command = curlOfRequest(details({ query: 'a=[1]&b=$(id)' }, "/v1/../it's"), info);

  expect(argumentsOf(command)).toContain("http://localhost:5005/v1/../it's?a=[1]&b=$(id)");
});
