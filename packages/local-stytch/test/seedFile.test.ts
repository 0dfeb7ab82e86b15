import { generateKeyPairSync } from 'node:crypto';
import { ConfigError } from 'service-kit';
import { readSeedFile } from '../src/seedFile';
import { readSigningKey } from '../src/signingKeys';
import { temporaryFolder } from './folder';

const folder = temporaryFolder();
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

const yaml = `# The clients of our tests
project:
  id: project-test-ours
  secret: our-project-secret
  token_lifetime_seconds: 60
  issuer: base_url
  search_totals: false
  claims_template:
    tenant: '{{ client.trusted_metadata.tenant }}'
clients:
  - name: orders
    id: client-orders
    secret: a-good-secret-1
    scopes: [read:orders, write:orders]
    trusted_metadata: { tenant: acme }
    claims: { tier: gold }
  - { name: idle, scopes: [], status: inactive }
signing_key_file: key.pem
`;

const seed = {
  projectId: 'project-test-ours',
  projectSecret: 'our-project-secret',
  settings: {
    tokenLifetimeSeconds: 60,
    issuer: 'base_url',
    searchTotals: false,
    claimsTemplate: { tenant: '{{ client.trusted_metadata.tenant }}' },
  },
  clients: [
    {
      name: 'orders',
      id: 'client-orders',
      secret: 'a-good-secret-1',
      scopes: ['read:orders', 'write:orders'],
      trustedMetadata: { tenant: 'acme' },
      claims: { tier: 'gold' },
    },
    { name: 'idle', scopes: [], status: 'inactive' },
  ],
};

function problems(name: string, text: string): string {
  const file = folder.file(name, text);
  try {
    readSeedFile(file);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message.replaceAll(file, name);
  }
  throw new Error('The seed file was accepted.');
}

describe('readSeedFile', () => {
  test('reads the project, clients and signing key from YAML', () => {
    folder.file('key.pem', pem);

    const { signingKey, ...rest } = readSeedFile(folder.file('seed.yaml', yaml));

    expect(rest).toEqual(seed);
    expect(signingKey?.kid).toBe(readSigningKey(pem).kid);
  });

  test('reads JSON, also with tabs, and a key that is a JWK', () => {
    folder.file('key.json', JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid: 'mine' }));
    const json = { clients: [{ name: 'a', scopes: ['a:b'] }], signing_key_file: 'key.json' };

    const read = readSeedFile(folder.file('seed.json', JSON.stringify(json, null, '\t')));

    expect(read).toMatchObject({ clients: [{ name: 'a', scopes: ['a:b'] }], signingKey: { kid: 'mine' } });
  });

  test.each<[string, string]>([
    ['a.yaml:1:10: clients: Invalid input: expected array, received string', 'clients: none\n'],
    [
      'a.yaml:3:5: clients.0: Unrecognized key: "scope"',
      'clients:\n  - name: a\n    scope: [a]\n    scopes: [a]\n',
    ],
    ['a.yaml:1:12: clients.0.scopes: Scopes must be', 'clients: [ { name: a } ]\n'],
    ['a.yaml:3:17: clients.0.scopes.1: Scopes must be', 'clients:\n  - name: a\n    scopes: [a, b c]\n'],
    [
      'a.yaml:2:7: project.id: must begin with project-test-',
      'project:\n  id: project-live-1\nclients: []\n',
    ],
    ['a.yaml:3:10: clients: ', 'project:\n  id: project-live-1\nclients: []\n'],
    [
      'a.yaml:3:20: clients.1.id: .*already exists',
      'clients:\n  - { name: a, id: x, scopes: [] }\n  - { name: b, id: "x", scopes: [] }\n',
    ],
    ['a.yaml:2:1: Map keys must be unique', 'clients: []\nclients: []\n'],
    ['a.yaml:3:1: Flow sequence', 'project:\n  id: [\n'],
    ['a.yaml:1:1: Invalid input: expected object', 'just text\n'],
    ['a.yaml:1:1: Unrecognized key: "client"', 'client: []\nclients: [{ name: a, scopes: [] }]\n'],
  ])('names file, line, column, field and problem: %s', (expected, text) => {
    expect(problems('a.yaml', text)).toMatch(new RegExp(`^${expected}`, 'm'));
  });

  test('names a key file that is missing or no key, and nothing of its contents', () => {
    const clients = 'clients: [{ name: a, scopes: [] }]\nsigning_key_file: ';
    folder.file('broken.pem', 'a private thing');

    expect(problems('b.yaml', `${clients}none.pem\n`)).toMatch(/none\.pem: there is no such file/);
    expect(problems('b.yaml', `${clients}broken.pem\n`)).toMatch(/broken\.pem: .*private RSA key/);
    expect(problems('b.yaml', `${clients}broken.pem\n`)).not.toContain('private thing');
  });
});
