import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ignore from '@balena/dockerignore';
import { Arg, From } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';
import { readDockerfile, repository } from './images';

const instructions = readDockerfile();
const keyword = (name: string) => instructions.filter((instruction) => instruction.getKeyword() === name);

/** The instructions of a stage and of the stages that it is based on, in order. */
function inherited(stage: string): string[] {
  const start = instructions.findIndex((one) => one instanceof From && one.getBuildStage() === stage);
  const from = instructions[start];
  if (!(from instanceof From)) return [];
  const rest = instructions.slice(start + 1);
  const end = rest.findIndex((one) => one instanceof From);
  return [...inherited(from.getImage() ?? ''), ...rest.slice(0, end < 0 ? undefined : end).map(String)];
}

describe('Dockerfile', () => {
  const targets = ['wallet-server', 'payment-server', 'rotate-client-secret', 'local-stytch'];

  test('passes a linter', () => {
    expect(validate(readFileSync(join(repository, 'Dockerfile'), 'utf8'))).toEqual([]);
  });

  test('uses one official LTS image of Node, by a tag that an argument can replace', () => {
    const argument = instructions.find((one): one is Arg => one instanceof Arg)?.getProperty();
    const stages = instructions.filter((one): one is From => one instanceof From);
    const names = stages.map((stage) => stage.getBuildStage());

    expect(argument?.getName()).toBe('NODE_IMAGE');
    expect(argument?.getValue()).toMatch(/^node:(22|24)-(alpine|slim)$/);
    const foreign = stages.map((stage) => stage.getImage()).filter((image) => !names.includes(image));
    expect(new Set(foreign)).toEqual(new Set(['${NODE_IMAGE}']));
  });

  test.each(targets)('runs %s as a numeric user other than root, with node as process 1', (name) => {
    const lines = inherited(name);

    expect(lines.findLast((line) => line.startsWith('USER'))).toBe('USER 1000:1000');
    expect(lines.findLast((line) => line.startsWith('STOPSIGNAL'))).toBe('STOPSIGNAL SIGTERM');
    expect(lines.findLast((line) => line.startsWith('CMD'))).toMatch(
      name === 'local-stytch'
        ? /^CMD \["node", "--enable-source-maps", ".+\.js", "--host", "0\.0\.0\.0"\]$/
        : /^CMD \["node", "--enable-source-maps", ".+\.js"\]$/,
    );
    expect(lines.findLast((line) => line.startsWith('HEALTHCHECK'))).toMatch(
      name === 'rotate-client-secret'
        ? /^HEALTHCHECK NONE$/
        : /^HEALTHCHECK .* CMD \["node", "healthcheck\.mjs"/,
    );
    expect(lines.filter((line) => /^ENV .*NODE_ENV=production/.test(line))).toHaveLength(1);
  });

  test.each(targets)('leaves no package manager in %s', (name) => {
    const removed = inherited(name).filter((line) => line.startsWith('RUN rm -rf lib/node_modules'));

    expect(removed.map((line) => line.split(' '))).toEqual([
      expect.arrayContaining(['lib/node_modules', 'bin/npm', 'bin/npx', 'bin/corepack', 'bin/yarn']),
    ]);
    expect(inherited(name)[inherited(name).indexOf(removed[0] ?? '') - 1]).toBe('WORKDIR /usr/local');
    expect(inherited(name).findLast((line) => line.startsWith('WORKDIR'))).toBe('WORKDIR /app');
  });

  test('fails without a target, with a message that lists the targets', () => {
    const last = instructions.findLast((one): one is From => one instanceof From);
    const lines = inherited(last?.getBuildStage() ?? '');
    const [command = ''] = lines.filter((line) => line.startsWith('RUN '));
    const { status, stderr } = spawnSync('sh', ['-c', command.slice(4)], { encoding: 'utf8' });

    expect([lines.length, status]).toEqual([1, 1]);
    const [, named = ''] = /--target (\S+) \./.exec(stderr) ?? [];
    expect(named.split('|').sort()).toEqual([...targets].sort());
  });

  test('has no syntax line, which would fetch an unpinned frontend with each build', () => {
    expect(readFileSync(join(repository, 'Dockerfile'), 'utf8')).not.toMatch(/^#\s*syntax\s*=/im);
  });

  test('installs from the lockfile, runs no package scripts, and puts no secret into a layer', () => {
    const commands = keyword('RUN').map((run) => run.getArgumentsContent() ?? '');
    const settings = [...keyword('ARG'), ...keyword('ENV')].map((one) => one.getArgumentsContent() ?? '');

    expect(commands.filter((command) => /npm (i|install|add)\b/.test(command))).toEqual([]);
    expect(
      commands.filter((command) => /npm ci/.test(command) && !command.includes('--ignore-scripts')),
    ).toEqual([]);
    expect(keyword('ADD')).toEqual([]);
    expect(settings.filter((setting) => /secret|token|password|key/i.test(setting))).toEqual([]);
  });
});

describe('.dockerignore', () => {
  const matcher = ignore().add(readFileSync(join(repository, '.dockerignore'), 'utf8'));

  test.each([
    '.env',
    '.npmrc',
    '.git/config',
    'certs/ca-key.pem',
    'payment-server/.env',
    'payment-server/src/.env',
    'payment-server/src/key.pem',
    'payment-server/test/payments.test.ts',
    'payment-server/dist/server.js',
    'e2e/package.json',
    'payment-server/node_modules/express/package.json',
    'node_modules/express/package.json',
    'deploy/secrets/stytch-secret',
    'deploy/compose.yaml',
    'docs/openapi.yaml',
    'README.md',
  ])('excludes %s', (path) => {
    expect(matcher.ignores(path)).toBe(true);
  });

  test.each([
    'package-lock.json',
    'payment-server/src/helper/stytch.ts',
    'packages/rotate-client-secret/package.json',
    'deploy/image/healthcheck.mjs',
  ])('includes %s', (path) => {
    expect(matcher.ignores(path)).toBe(false);
  });
});
