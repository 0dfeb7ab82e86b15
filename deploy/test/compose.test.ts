import { DCLinter } from 'dclint';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from 'service-kit';
import { readPaymentConfig } from '../../payment-server/src/config';
import { readWalletConfig } from '../../wallet-server/src/config';
import { composePath, readComposeFile } from './composeFile';
import { readDockerfile } from './images';
import { From } from 'dockerfile-ast';
import { isKnownSetting } from './settings';

const { services, secrets, networks } = readComposeFile();
const all = Object.entries(services);

/** The names of the services of a profile. */
const ofProfile = (profile: string) =>
  all.filter(([, one]) => one.profiles.includes(profile)).map(([name]) => name);

describe('compose.yaml', () => {
  test('is valid under the schema of the Compose specification, and a linter finds nothing', () => {
    // Without the rules about order, and without the one that does not support profiles.
    const rules = {
      'services-alphabetical-order': 0,
      'service-keys-order': 0,
      'top-level-properties-order': 0,
      'no-duplicate-exported-ports': 0,
      'no-quotes-in-volumes': 0,
    } as const;
    const linter = new DCLinter({ rules, quiet: false, debug: false, exclude: [] });

    expect(linter.lintFiles([composePath], false).flatMap(({ messages }) => messages)).toEqual([]);
  });

  test('starts nothing without a profile, local-stytch and both servers for local, and the servers alone for stytch', () => {
    expect(all.filter(([, { profiles }]) => profiles.length !== 1)).toEqual([]);
    expect(ofProfile('local')).toEqual(['local-stytch', 'local-wallet-server', 'local-payment-server']);
    expect(ofProfile('stytch')).toEqual(['wallet-server', 'payment-server']);
  });

  test('builds each service from a stage of the Dockerfile', () => {
    const stages = readDockerfile().flatMap((one) => (one instanceof From ? [one.getBuildStage()] : []));

    expect(all.filter(([, { build }]) => !stages.includes(build.target))).toEqual([]);
  });

  test.each(all)('%s has only the rights that it needs, and limited resources', (_name, service) => {
    expect(service).toMatchObject({
      user: '${RUN_AS:-1000:1000}',
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      mem_limit: '384m',
      pids_limit: 100,
    });
    expect(service).not.toHaveProperty('privileged');
    expect((service.ports ?? []).filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  test('gives each container its own network namespace, and each profile its own network', () => {
    for (const [, service] of all) expect(service).not.toHaveProperty('network_mode');
    const networksOf = (profile: string) =>
      ofProfile(profile).map((name) => services[name]!.networks?.join());

    expect(networksOf('local')).toEqual(['local', 'local', 'local']);
    expect(networksOf('stytch')).toEqual(['stytch', 'stytch']);
    expect(networksOf('rotate')).toEqual(['stytch', 'stytch']);
    expect(Object.keys(networks)).toEqual(['local', 'stytch']);
  });

  test('publishes no port of local-stytch, whose credentials are public', () => {
    expect(services['local-stytch']).not.toHaveProperty('ports');
  });

  test('makes the local servers call each other by their container names', () => {
    const addresses = ofProfile('local').flatMap((name) =>
      Object.values(services[name]!.environment).filter((value) => value?.startsWith('http')),
    );

    expect(new Set(addresses)).toEqual(
      new Set(['http://local-stytch:5005', 'http://local-wallet-server:4000']),
    );
  });

  test.each([
    ['local-wallet-server', readWalletConfig],
    ['local-payment-server', readPaymentConfig],
  ])('has settings for %s with which it starts in development and not in production', (name, read) => {
    const environment = services[name]!.environment as Environment;

    expect(() => read(environment)).not.toThrow();
    expect(() => read({ ...environment, NODE_ENV: 'production' })).toThrow(/INSECURE_HTTP_HOSTS: needs/);
  });

  test.each([...ofProfile('stytch'), ...ofProfile('rotate')])('gives %s its secrets as files', (name) => {
    const { environment, secrets: mounted = [], volumes = [] } = services[name]!;
    const files = mounted.map((one) => `/run/secrets/${typeof one === 'string' ? one : one.target}`);
    const folders = volumes.map((volume) => volume.split(':')[1] ?? '');

    const inFiles = Object.entries(environment).filter(([setting]) => setting.endsWith('_FILE'));
    expect(inFiles.map(([setting]) => setting)).toEqual(
      expect.arrayContaining([
        'STYTCH_SECRET_FILE',
        ...(ofProfile('stytch').includes(name) ? ['TLS_CERT_FILE', 'TLS_KEY_FILE', 'TLS_CA_FILE'] : []),
      ]),
    );
    for (const [, file] of inFiles)
      expect([...files, ...folders.map((one) => `${one}/client-secret`)]).toContain(file);
    expect(
      mounted.map((one) => (typeof one === 'string' ? one : one.source)).filter((one) => !secrets[one]),
    ).toEqual([]);
    // A secret that is not in a file comes from the caller's environment.
    const written = Object.entries(environment).filter(([setting]) => /SECRET$/.test(setting));
    expect(written.filter(([, value]) => value !== null)).toEqual([]);
  });

  test('keeps secrets in folders that git ignores', () => {
    const ignored = readFileSync(join(composePath, '..', '.gitignore'), 'utf8').split('\n');

    expect(ignored).toContain('secrets/');
    const files = Object.values(secrets).map(({ file }) => file);
    expect(files.filter((file) => !/^\.\/secrets\/|^\.\.\/certs\//.test(file))).toEqual([]);
  });

  test('sets only variables that a program reads', () => {
    const names = all.flatMap(([, { environment }]) => Object.keys(environment));

    expect(names.filter((name) => !isKnownSetting(name))).toEqual([]);
  });
});
