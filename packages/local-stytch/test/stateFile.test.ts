import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startRotation } from '../src/rotation';
import { createSeed } from '../src/seed';
import { createState, hashSeed, takeSnapshot } from '../src/state';
import { checkWritable, readStateFile, writeStateFile } from '../src/stateFile';
import { issueToken } from '../src/token';
import { temporaryFolder } from './folder';
import { rejection } from './localStytch';

const folder = temporaryFolder();
const seed = createSeed({
  projectId: 'project-test-1',
  clients: [{ name: 'a', scopes: ['a:b'], claims: { tier: 1 }, trustedMetadata: { t: 'x' } }],
  settings: { claimsTemplate: { t: '{{ client.trusted_metadata.t }}' }, issuer: 'base_url' },
});

async function savedState() {
  const state = createState(await hashSeed(seed));
  await state.keys.rotate(true);
  const { m2m_client } = await startRotation(state, seed.clients[0].id);
  const file = join(folder.path, 'state.json');
  await writeStateFile(file, takeSnapshot(state));
  return { file, state, nextSecret: m2m_client.next_client_secret };
}

describe('the state file', () => {
  test('brings back project, clients, both secrets, keys and settings', async () => {
    const { file, state, nextSecret } = await savedState();

    const again = createState(readStateFile(file));

    expect(takeSnapshot(again)).toMatchObject({
      ...takeSnapshot(state),
      keys: state.keys.all.map(({ kid, jwk }) => ({ kid, jwk })),
    });
    for (const clientSecret of [seed.clients[0].secret, nextSecret]) {
      const { claims } = await issueToken(again, {
        clientId: seed.clients[0].id,
        clientSecret,
        scope: undefined,
      });
      expect(claims).toMatchObject({ scope: 'a:b', tier: 1, t: 'x' });
    }
    again.clients.clear();
    expect(takeSnapshot(createState(takeSnapshot(again))).clients).toEqual([]);
  });

  test('has no secret, and only its owner can read it', async () => {
    const { file, nextSecret } = await savedState();
    const text = readFileSync(file, 'utf8');

    for (const secret of [seed.projectSecret, seed.clients[0].secret, nextSecret]) {
      expect(text).not.toContain(secret);
    }
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder.path)).toEqual(['state.json']);
  });

  test('is 0600 also where a readable file was before', async () => {
    const file = join(folder.path, 'state.json');
    writeFileSync(file, '{}', { mode: 0o644 });

    await savedState();

    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('stays as it is when it cannot be written, and leaves no temporary file', async () => {
    const { state } = await savedState();
    const before = readdirSync(folder.path);

    await expect(writeStateFile(folder.path, takeSnapshot(state))).rejects.toThrow();

    expect(readdirSync(folder.path)).toEqual(before);
    expect((await rejection(checkWritable(join(folder.path, 'none', 'state.json')))).message).toMatch(
      /cannot be saved in .*none/,
    );
  });

  test.each<[string, (state: Record<string, never>) => unknown, RegExp]>([
    ['text', () => 'not a state', /is not a state/],
    ['another version', (state) => ({ ...state, version: 2 }), /version: /],
    ['a missing field', ({ version, project }) => ({ version, project }), /clients: /],
    ['an unknown field', (state) => ({ ...state, more: 1 }), /more/],
    ['a broken key', (state) => ({ ...state, signing_keys: [{ kty: 'RSA' }] }), /signing key/],
    ['no key', (state) => ({ ...state, signing_keys: [] }), /signing_keys/],
    [
      'a short hash',
      (state) => ({ ...state, project: { id: 'p', credentials: { salt: 'AA', hash: 'AA' } } }),
      /32 bytes/,
    ],
  ])('is refused with a clear message if it has %s', async (_name, change, message) => {
    const { file } = await savedState();
    const broken = change(JSON.parse(readFileSync(file, 'utf8')) as Record<string, never>);
    const path = join(folder.path, 'state.json');
    writeFileSync(path, JSON.stringify(broken));

    expect(() => readStateFile(path)).toThrow(message);
    writeFileSync(path, '{ "signing_keys": [{ "d": "private');
    expect(() => readStateFile(path)).toThrow(/state\.json is not a state .*: it is not valid JSON$/);
  });
});
